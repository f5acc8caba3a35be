"""What an external script needs of its environment, and the environments that uv builds on demand, in the cache folder.

A notice lists the packages before a build. uv's own variables are respected (``UV_FIND_LINKS``, ``UV_INDEX_URL``,
``UV_OFFLINE`` ...), so a machine without a network can install from a folder of wheels.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from ...common.output import PASSING
from ...common.places import cache_folder
from ...errors import DiffOptError, MissingResource
from .lock import locked

_log = logging.getLogger(__name__)
#: Written last; a folder without it is incomplete and is rebuilt.
READY = "ready.json"


@dataclass(frozen=True)
class Needs:
    """Requirements of an external script on its environment.

    ``packages`` are installed with their dependencies, then ``no_deps`` without (both pip requirements). ``python``:
    supported versions, ``"3.12"`` or a range ``"3.9-3.12"`` (inclusive); empty for any. ``modules`` must be importable
    in the environment; otherwise the error says ``how`` to install them by hand. ``size``: of the environment on disk,
    for the notice before it is built.
    """

    name: str
    packages: tuple[str, ...] = ()
    no_deps: tuple[str, ...] = ()
    python: str = ""
    modules: tuple[str, ...] = ()
    how: str = ""
    size: str = ""

    def fits(self, version: tuple[int, int]) -> bool:
        """Whether a Python version (major, minor) is supported."""
        if not self.python:
            return True
        low, high = self._range()
        return low <= version <= high

    def python_request(self) -> str:
        """The supported versions as a request to uv, such as ``>=3.9,<3.13``."""
        if not self.python:
            return ">=3.9"
        (major, low), (_, high) = self._range()
        return f">={major}.{low},<{major}.{high + 1}"

    def key(self, version: str) -> str:
        """Name of the environment for these packages and a Python version."""
        text = "\n".join((version, *sorted(self.packages), "--no-deps", *sorted(self.no_deps)))
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def _range(self) -> tuple[tuple[int, int], tuple[int, int]]:
        low, _, high = self.python.partition("-")
        return _version(low), _version(high or low)


def _version(text: str) -> tuple[int, int]:
    major, minor = text.strip().split(".")[:2]
    return int(major), int(minor)


def uv_environment(needs: Needs) -> Path:
    """The Python of the environment for ``needs``, built if it does not exist. Raises MissingResource."""
    running = sys.version_info[:2]
    own = needs.fits((running[0], running[1]))
    request = sys.executable if own else needs.python_request()
    folder = cache_folder() / "environments" / needs.key("{}.{}".format(*running) if own else request)
    if ready(folder):
        return _python(folder)
    uv = find_uv(needs)
    try:
        with locked(folder.with_name(f"{folder.name}.lock")):
            if not ready(folder):  # the process that held the lock may have built it
                _build(uv, folder, needs, request)
    except OSError as error:
        raise DiffOptError(f"{folder.parent}: cannot write an environment ({error.strerror or error})") from error
    return _python(folder)


def find_uv(needs: Needs) -> str:
    """Path of the uv program: from PATH, or of the Python package uv."""
    found = shutil.which("uv")
    if found:
        return found
    try:
        return str(importlib.import_module("uv").find_uv_bin())
    except (ImportError, AttributeError, OSError):
        pass
    raise MissingResource(
        f"{needs.name} runs in its own environment, which uv builds, but uv is not installed: `pip install uv`;"
        f" or prepare an environment yourself ({needs.how or ', '.join(needs.packages + needs.no_deps)})"
        " and name it with --env PATH"
    )


def ready(folder: Path) -> bool:
    """Whether the environment is complete and its Python still exists."""
    return (folder / READY).is_file() and _python(folder).is_file()


def _build(uv: str, folder: Path, needs: Needs, request: str) -> None:
    packages = [*needs.packages, *needs.no_deps]
    size = f", {needs.size}" if needs.size else ""
    _log.warning("building the environment '%s' with uv, only this once%s: %s", needs.name, size, ", ".join(packages),
                 extra=PASSING)  # fmt: skip
    start = time.monotonic()
    if folder.exists():
        shutil.rmtree(folder)
    _uv([uv, "venv", "--no-project", "--python", request, str(folder)], needs, f"Python {needs.python or request}")
    install = [uv, "pip", "install", "--python", str(_python(folder))]
    if needs.packages:
        _uv([*install, *needs.packages], needs, "its packages")
    if needs.no_deps:
        _uv([*install, "--no-deps", *needs.no_deps], needs, "its packages")
    note = {"name": needs.name, "packages": packages, "python": request, "seconds": round(time.monotonic() - start, 1)}
    part = folder / f"{READY}.part"
    part.write_text(json.dumps(note, indent=1))
    os.replace(part, folder / READY)
    _log.info("built %s in %.0f s", folder, time.monotonic() - start)


def _uv(command: list[str], needs: Needs, what: str) -> None:
    variables = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "CONDA_PREFIX"}}
    # not in the working directory: uv would apply the constraints of a project there
    done = subprocess.run(
        [*command, "--color", "never", "--no-progress"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=variables,
        cwd=cache_folder() / "environments",
    )
    _log.debug("%s: %s", " ".join(command), done.stderr.strip())
    if done.returncode:
        raise MissingResource(
            f"uv could not install {what} for the environment '{needs.name}' ({_reason(done.stderr)}). "
            "Without a network, point UV_FIND_LINKS at a folder of wheels; or prepare an environment yourself"
            f"{f' ({needs.how})' if needs.how else ''} and name it with --env PATH"
        )


def _reason(said: str) -> str:
    """uv's error in one line: the error and its innermost cause."""
    lines = [line.strip(" │├╰─▶×\t") for line in said.splitlines()]
    lines = [line for line in lines if line and not line.startswith(("Using ", "hint:", "Resolved", "warning:"))]
    if not lines:
        return "it gave no reason"
    text = lines[0] if len(lines) == 1 else f"{lines[0]}: {lines[-1]}"
    return text.removeprefix("error: ").replace("cause: ", "")[:300]


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
