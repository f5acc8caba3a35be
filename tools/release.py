"""Release all packages at the version that the root's pyproject.toml says.

    python tools/release.py              # dry run: checks and builds, and says what would follow
    python tools/release.py --publish    # the same on a clean tree, then the tag and the upload (uv publish)

Checked: version and address are carried everywhere (``stamp``), pages made by tools are up to date (``fields``), the
first section of the changelog is this version and dated, every wheel holds its licence and names its siblings. Before:
raise ``version`` in pyproject.toml, ``python tools/stamp.py``, ``python tools/constraints.py``, date the changelog.
"""

from __future__ import annotations

import argparse
import re
import runpy
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def version(root: Path = ROOT) -> str:
    said: str = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    return said


def faults_of_tree(root: Path = ROOT) -> list[str]:
    """What has to be mended before a release."""
    found = []
    for tool, mends in (("stamp", "stamped"), ("fields", "page")):
        made = runpy.run_path(str(root / "tools" / f"{tool}.py"))
        if mends == "stamped":
            behind = [str(path.relative_to(root)) for path, is_, should in made["stamped"](root) if is_ != should]
        else:
            behind = [] if made["page"](made["PAGE"].read_text()) == made["PAGE"].read_text() else [made["PAGE"].name]
        found += [f"{path}: python tools/{tool}.py" for path in behind]
    first = re.search(r"(?m)^## (\S+) \((.*?)\)", (root / "CHANGELOG.md").read_text())
    if first is None or first[1] != version(root):
        found.append(f"CHANGELOG.md: no section '## {version(root)} (...)' at its top")
    elif not re.fullmatch(r"\d{4}-\d\d-\d\d", first[2]):
        found.append(f"CHANGELOG.md: {first[1]} is not dated ({first[2]})")
    return found


def faults_of_wheel(wheel: Path, licence: bytes) -> list[str]:
    """What its metadata and licence files lack."""
    with zipfile.ZipFile(wheel) as held:
        names = held.namelist()
        info = next(name.split("/")[0] for name in names if name.endswith("/METADATA"))
        about = held.read(f"{info}/METADATA").decode()
        own = held.read(f"{info}/licenses/LICENSE") if f"{info}/licenses/LICENSE" in names else b""
    found = [] if re.search("(?m)^License-Expression: Apache-2.0", about) else ["no SPDX expression"]
    found += [] if own == licence else ["not our licence file"]
    files = re.findall("(?m)^License-File: (.+)$", about)
    found += [f"{file} is missing" for file in files if f"{info}/licenses/{file}" not in names]
    if any(name.endswith(".safetensors") for name in names) and not ("WEIGHTS.md" in files and "CC-BY-4.0" in about):
        found.append("weights without their terms")
    own_version = re.search("(?m)^Version: (.+)$", about)
    siblings = re.findall(r"(?m)^Requires-Dist: (diffopt-[a-z0-9-]+(?:\[[a-z,]+\])?)([^;\n]*)", about)
    found += [f"{name}{bound}" for name, bound in siblings if own_version and bound.strip() != f"=={own_version[1]}"]
    return [f"{wheel.name}: {fault}" for fault in found]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--publish", action="store_true", help="tag and upload; else nothing leaves here")
    parser.add_argument("--out", type=Path, help="where wheels and archives go; a temporary folder without it")
    given = parser.parse_args()
    found = faults_of_tree()
    if subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, check=True).stdout:
        found.append("the tree holds changes that are not committed")
    with tempfile.TemporaryDirectory() as temporary:
        out = given.out or Path(temporary)
        subprocess.run(["uv", "build", "--all-packages", "--quiet", "--out-dir", str(out)], cwd=ROOT, check=True)
        wheels = sorted(out.glob("*.whl"), key=lambda path: ("core" not in path.name, path.name))
        licence = (ROOT / "LICENSE").read_bytes()
        broken = [fault for wheel in wheels for fault in faults_of_wheel(wheel, licence)]
        files = [str(wheel) for wheel in wheels] + [str(path) for path in sorted(out.glob("*.tar.gz"))]
        steps = [["git", "tag", f"v{version()}"], ["uv", "publish", *files], ["git", "push", "origin", f"v{version()}"]]
        print(f"{len(wheels)} wheels of {version()}")
        for fault in (*found, *broken):
            print(f"to mend: {fault}")
        for step in steps:
            print("would run:" if not given.publish else "run:", " ".join(Path(word).name for word in step))
        if given.publish and not (found or broken):
            for step in steps:
                subprocess.run(step, cwd=ROOT, check=True)
    return int(bool(broken) or (given.publish and bool(found)))


if __name__ == "__main__":
    sys.exit(main())
