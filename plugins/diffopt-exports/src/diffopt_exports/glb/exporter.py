"""``motion.glb``: mesh, skin, 24 joints with their animation, the camera with its own."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from diffopt_core.datasets.npz import atomic
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import Result

from ..files import write_beside
from ..orient import Axes
from ..performance import perform
from ..skinned import SkinnedOptions, surface_of
from ..words import describe
from .document import write_document

log = logging.getLogger(__name__)


class GlbExporter:
    """Implements :class:`diffopt_core.interfaces.Exporter`."""

    def __init__(self, options: SkinnedOptions, ctx: BuildContext | None = None):
        self._options = options

    def export(self, result: Result, folder: Path) -> list[Path]:
        """Write ``motion.glb`` and ``motion.glb.json``; raises DiffOptError naming a folder that cannot be written."""
        options = self._options
        if options.up == "z" or options.unit == "cm":
            log.warning("glb: glTF is Y up and in metres, and readers turn and scale it themselves; written so")
        performance = perform(result, options)
        surface = surface_of(performance, options)
        data, told = write_document(performance, surface, options)
        path = folder / "motion.glb"
        with atomic(path) as file:
            file.write(data)
        words: dict[str, Any] = dict(describe(performance, options, Axes(), **told))
        return [path, write_beside(path, words)]
