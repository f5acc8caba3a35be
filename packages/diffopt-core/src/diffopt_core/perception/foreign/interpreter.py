"""The Python interpreter of a named environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from ...errors import MissingResource
from .uv import Needs, uv_environment

#: Accepted forms of an environment, for help texts and errors.
ENVIRONMENTS = "uv, here, conda:NAME, or the path of a Python executable or of an environment's folder"


def find_interpreter(env: str, needs: Needs) -> Path:
    """The Python executable of ``env``; builds the environment if ``env`` is ``uv``. Raises MissingResource."""
    if env == "uv":
        return uv_environment(needs)
    if env == "here":
        return Path(sys.executable)
    if env.startswith("conda:"):
        return _in_folder(_conda_folder(env.removeprefix("conda:")), env)
    path = Path(env).expanduser()
    if path.is_dir():
        return _in_folder(path, env)
    if not path.is_file():
        raise MissingResource(f"environment {env}: no such file or folder; expected {ENVIRONMENTS}")
    if not os.access(path, os.X_OK):
        raise MissingResource(f"environment {env}: the file is not executable; expected {ENVIRONMENTS}")
    return (
        path.absolute()
    )  # not resolved: the python of a virtual environment is a link and works only under its own path


def environment_variables(python: Path, ours: bool) -> dict[str, str]:
    """Environment variables of the child. ``ours``: the environment was built by us, so the user's Python variables are
    removed."""
    outer = dict(os.environ)
    for name in ("PYTHONHOME", "VIRTUAL_ENV", "PYTHONSTARTUP", "__PYVENV_LAUNCHER__", "PYTHONPLATLIBDIR"):
        outer.pop(name, None)
    paths = [str(Path(__file__).with_name("child"))]
    if ours:
        outer["PYTHONNOUSERSITE"] = "1"
    elif outer.get("PYTHONPATH"):
        paths.append(outer["PYTHONPATH"])
    outer["PYTHONPATH"] = os.pathsep.join(paths)
    outer["PYTHONUNBUFFERED"] = "1"
    outer["PYTHONIOENCODING"] = "utf-8"
    # as `activate` does, for tools that call other programs of their environment
    outer["PATH"] = os.pathsep.join([str(python.parent), outer.get("PATH", "")])
    return outer


def _in_folder(folder: Path, env: str) -> Path:
    for part in ("bin/python", "bin/python3", "python.exe", "Scripts/python.exe"):
        if (folder / part).is_file():
            return (folder / part).absolute()
    raise MissingResource(f"environment {env}: {folder} has no bin/python; expected {ENVIRONMENTS}")


def _conda_folder(name: str) -> Path:
    folders = _conda_folders()
    for folder in folders:
        if folder.name == name or (name == "base" and (folder / "condabin").is_dir()):
            return folder
    known = ", ".join(sorted(folder.name for folder in folders)) or "none; is conda installed?"
    raise MissingResource(f"environment conda:{name}: no conda environment of that name (found: {known})")


def _conda_folders() -> list[Path]:
    candidates = [os.environ.get("CONDA_EXE"), *map(shutil.which, ("conda", "mamba", "micromamba"))]
    for program in filter(None, candidates):
        try:
            said = subprocess.run([program, "env", "list", "--json"], capture_output=True, text=True, timeout=60)
            return [Path(folder) for folder in json.loads(said.stdout)["envs"]]
        except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
            continue
    listing = Path.home() / ".conda" / "environments.txt"  # conda writes it even if its command is not on the path
    if not listing.is_file():
        return []
    return [Path(line.strip()) for line in listing.read_text().splitlines() if Path(line.strip()).is_dir()]
