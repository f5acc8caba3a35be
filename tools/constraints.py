"""Write constraints.txt: the exact versions that the tests ran with, for installs that are to repeat.

    uv run --group dev python tools/constraints.py        # then: pip install -c constraints.txt ... diffopt-motion

Of what ``diffopt-motion`` needs with its extras: the lines of uv.lock that are installed in the environment that runs
this. No addresses, no hashes, no packages of ours; the build of torch (``+cpu``) is left to whoever installs.
"""

from __future__ import annotations

import importlib.metadata
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEAD = "# Tried together on Python {}: `pip install -c constraints.txt ...`. Made by tools/constraints.py.\n"
EXTRAS = ("viewer", "render", "slurm")


def lines() -> list[str]:
    """``name==version``, sorted."""
    export = ["uv", "export", "--frozen", "--no-hashes", "--no-annotate", "--no-header", "--no-emit-workspace"]
    wanted = ["--package", "diffopt-motion", *(word for extra in EXTRAS for word in ("--extra", extra))]
    told = subprocess.run([*export, *wanted], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    pins = {line.partition(" ;")[0].strip() for line in told.splitlines() if "==" in line}
    return sorted(pin for pin in pins if _installed(*pin.split("==")))


def _installed(name: str, version: str) -> bool:
    try:
        return importlib.metadata.version(name).partition("+")[0] == version
    except importlib.metadata.PackageNotFoundError:
        return False


def main() -> None:
    import platform

    python = ".".join(platform.python_version_tuple()[:2])
    (ROOT / "constraints.txt").write_text(HEAD.format(python) + "\n".join(lines()) + "\n")


if __name__ == "__main__":
    main()
