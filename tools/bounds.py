"""Try DiffOpt at the lowest or the newest versions that its packages allow, or on another Python.

    python tools/bounds.py lowest              # every dependency that we declare, at its lower bound
    python tools/bounds.py newest              # at the newest that there is, the workspace's upper bounds aside
    python tools/bounds.py newest --python 3.13
    python tools/bounds.py lowest -- tests/cli # other tests than the quick subset

Makes an environment in ``--at``, installs all packages into it, asks every command for ``--help`` and runs the quick
tests. Status 1 where anything fails. It downloads torch with CUDA (2 to 4 GB) unless ``UV_FIND_LINKS`` names another.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Packages with the extras that the tests want.
PACKAGES = [
    f"{path.parent}[{extra}]" if (extra := {"diffopt-render": "embree"}.get(path.parent.name)) else str(path.parent)
    for path in sorted([*ROOT.glob("packages/*/pyproject.toml"), *ROOT.glob("plugins/*/pyproject.toml")])
]
HELP = """
import subprocess, sys
from diffopt_core.cli.app import build
from diffopt_core.cli.flags import leaves
bad = [name for name in ["", *leaves(build()[0])]
       if subprocess.run(["diffopt", *name.split(), "--help"], stdout=subprocess.DEVNULL).returncode]
print(f"--help fails: {bad}" if bad else "--help of every command: fine")
sys.exit(bool(bad))
"""


def environment(which: str, python: str, at: Path) -> dict[str, str]:
    """Make it, and say by which variables a program runs in it."""
    resolution = {"lowest": "lowest-direct", "newest": "highest"}[which]
    install = ["uv", "pip", "install", "--no-config", "--quiet", "--python", str(at)]
    editable = [word for package in PACKAGES for word in ("--editable", package)]
    subprocess.run(["uv", "venv", "--no-config", "--quiet", "--clear", "--python", python, str(at)], check=True)
    subprocess.run([*install, "--resolution", resolution, *editable], cwd=ROOT, check=True)
    subprocess.run([*install, "--group", "dev", *editable], cwd=ROOT, check=True)  # the tests' own tools, as they are
    path = f"{at / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "VIRTUAL_ENV": str(at), "OMP_NUM_THREADS": "1"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=["lowest", "newest"])
    parser.add_argument("--python", default="3.11", help="a version, or the path of an interpreter")
    parser.add_argument("--at", type=Path, help="where the environment goes; a temporary folder without it")
    parser.add_argument("tests", nargs="*", help="what pytest gets instead of: -m 'not slow'")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        at = (given.at or Path(temporary) / "env").absolute()
        variables = environment(given.which, given.python, at)
        steps = [["python", "-c", HELP], ["python", "-m", "pytest", *(given.tests or ["-m", "not slow"])]]
        subprocess.run(["uv", "pip", "freeze", "--exclude-editable"], cwd=ROOT, env=variables, check=True)
        ends = [subprocess.run(step, cwd=ROOT, env=variables).returncode for step in steps]
    return int(any(ends))


if __name__ == "__main__":
    sys.exit(main())
