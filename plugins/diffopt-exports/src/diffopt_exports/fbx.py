"""``motion.fbx``: our GLB, converted by Blender (the module bpy of another environment, or a program on PATH)."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from diffopt_core.errors import DiffOptError, MissingResource
from diffopt_core.interfaces import BuildContext
from diffopt_core.perception.foreign import Needs, run_script

from .configs import FbxConfig
from .files import Axes, FileExporter, drafted
from .glb import write_document
from .performance import Performance

NEEDS = Needs(
    name="blender",
    packages=("bpy==5.0.1",),
    python="3.11",
    modules=("bpy",),
    how="pip install bpy==5.0.1 into a Python 3.11 environment",
    size="374 MB to fetch, 1 GB on disk, licence GPL-3.0",
)
_SCRIPT = Path(__file__).with_name("fbx_script.py")
_SECONDS = 1800


def find_blender() -> str:
    """Blender on PATH. Raises MissingResource with the alternatives."""
    program = shutil.which("blender")
    if program is None:
        raise MissingResource(
            "exporter 'fbx' is written by Blender (GPL-3.0), and none was found: put `blender` on PATH; or give "
            "--env uv, which fetches its Python module (bpy, 374 MB) once into an environment; or --env PATH "
            "of a Python 3.11 environment that has it"
        )
    return program


def blender(env: str | None, program: str | None, job: dict[str, Any]) -> str:
    """Run ``script.py`` with ``job`` in the environment ``env``, or else in ``program``; returns Blender's version.

    Raises MissingResource where the environment has no bpy, DiffOptError where Blender fails.
    """
    if env is not None:
        return str(run_script(env, NEEDS, _SCRIPT, job)["version"])
    assert program is not None
    command = [program, "--background", "--factory-startup", "--python-exit-code", "3", "--python", str(_SCRIPT)]
    try:
        done = subprocess.run(
            [*command, "--", json.dumps(job)],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DiffOptError(f"{program}: could not be run ({error})") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        raise DiffOptError(f"{program}: could not write FBX: {said}")
    found = [line for line in done.stdout.splitlines() if line.startswith("Blender ")]
    return found[0].split()[1] if found else "unknown"


class FbxExporter(FileExporter[FbxConfig]):
    """``motion.fbx``. Raises MissingResource without Blender."""

    file, usual = "motion.fbx", Axes("y", "cm")

    def __init__(self, options: FbxConfig, ctx: BuildContext):
        super().__init__(options, ctx)
        self._env = options.env or ctx.env
        self._program = None if self._env else find_blender()

    def write(self, path: Path, performance: Performance, axes: Axes) -> dict[str, Any]:
        data, told = write_document(performance, self.options)
        with drafted(path) as part, tempfile.TemporaryDirectory(prefix="diffopt-fbx-") as scratch:
            glb = Path(scratch) / "motion.glb"
            glb.write_bytes(data)
            job = {
                "glb": str(glb), "fbx": str(part.absolute()), "fps": performance.fps,
                "frames": performance.num_frames, "up": axes.up, "unit": axes.unit,
            }  # fmt: skip
            version = blender(self._env, self._program, job)
            if not part.is_file():
                raise DiffOptError(f"{path.parent}: Blender wrote no FBX file")
        return {**told, "blender": version}
