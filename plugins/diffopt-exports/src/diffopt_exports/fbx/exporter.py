"""``motion.fbx``: our GLB, converted by Blender."""

from __future__ import annotations

import tempfile
from pathlib import Path

from diffopt_core.errors import DiffOptError
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import Result

from ..files import drafted, write_beside
from ..glb.document import write_document
from ..orient import Axes, chosen
from ..performance import perform
from ..skinned import surface_of
from ..words import describe
from .blender import blender, find_blender
from .config import FbxConfig


class FbxExporter:
    """Implements :class:`diffopt_core.interfaces.Exporter`."""

    def __init__(self, options: FbxConfig, ctx: BuildContext):
        self._options, self._env = options, options.env or ctx.env
        self._program = None if self._env else find_blender()

    def export(self, result: Result, folder: Path) -> list[Path]:
        """Write ``motion.fbx`` and ``motion.fbx.json``; raises MissingResource without a Blender, DiffOptError naming a
        folder that cannot be written."""
        options = self._options
        performance = perform(result, options)
        surface = surface_of(performance, options)
        axes = chosen(options.up, options.unit, Axes("y", "cm"))
        data, told = write_document(performance, surface, options)
        path = folder / "motion.fbx"
        with drafted(path) as part, tempfile.TemporaryDirectory(prefix="diffopt-fbx-") as scratch:
            glb = Path(scratch) / "motion.glb"
            glb.write_bytes(data)
            job = {
                "glb": str(glb), "fbx": str(part.absolute()), "fps": performance.fps,
                "frames": performance.num_frames, "up": axes.up, "unit": axes.unit,
            }  # fmt: skip
            version = blender(self._env, self._program, job)
            if not part.is_file():
                raise DiffOptError(f"{folder}: Blender wrote no FBX file")
        return [path, write_beside(path, describe(performance, options, axes, **told, blender=version))]
