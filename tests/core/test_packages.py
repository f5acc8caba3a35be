"""What each wheel says of itself: version, siblings, licence, and the packages that it imports."""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = sorted([*ROOT.glob("packages/*/pyproject.toml"), *ROOT.glob("plugins/*/pyproject.toml")])
#: Asked for by name where a file or a fetch needs them.
ON_DEMAND = {"lz4", "huggingface-hub", "mujoco-core", "mujoco-studio"}  # the last two: parts of mujoco


def project(path: Path) -> dict:
    return tomllib.loads(path.read_text())["project"]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_version_and_address_are_said_once():
    """`python tools/stamp.py` mends this."""
    stamped = runpy.run_path(str(ROOT / "tools" / "stamp.py"))["stamped"]
    assert [path.relative_to(ROOT) for path, is_, should in stamped() if is_ != should] == []


def test_an_address_becomes_a_url():
    package = runpy.run_path(str(ROOT / "tools" / "stamp.py"))["_package"]
    text = PACKAGES[0].read_text()
    once = package(text, "9.8.7", "https://example.org/diffopt")
    assert package(once, "9.8.7", "https://example.org/diffopt") == once
    said = tomllib.loads(once)["project"]
    assert said["version"] == "9.8.7" and said["urls"]["Repository"] == "https://example.org/diffopt"
    assert "diffopt-core==9.8.7" in said["dependencies"]


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.parent.name)
def test_siblings_are_of_one_version(path):
    said = project(path)
    extras = [line for lines in said.get("optional-dependencies", {}).values() for line in lines]
    for line in [*said["dependencies"], *extras]:
        assert not line.startswith("diffopt-") or line.endswith(f"=={said['version']}"), line


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.parent.name)
def test_what_is_imported_is_declared_and_nothing_else(path):
    said = project(path)
    names = lambda lines: {normal(re.split(r"[\[<>=; ]", line)[0]) for line in lines}  # noqa: E731
    needed = names(said["dependencies"])
    extras = names(line for lines in said.get("optional-dependencies", {}).values() for line in lines)
    known, used = packages_distributions(), {normal(said["name"])}
    for file in path.parent.glob("src/**/*.py"):
        if file.stem.endswith("script"):  # runs in an environment of another system
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            modules = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [node.module or ""]
            for top in {module.split(".")[0] for module in modules} - sys.stdlib_module_names:
                used |= {normal(top)} if top.startswith("diffopt_") else {normal(n) for n in known.get(top, [])}
    missing = used - needed - extras - ON_DEMAND - {normal(said["name"])}
    assert missing == set()
    assert said["name"] == "diffopt-motion" or needed - used == set()


@pytest.mark.slow
def test_a_release_in_a_dry_run(tmp_path):
    """Builds every wheel, looks into each, and says what would follow."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "release.py"), "--out", str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = project(ROOT / "pyproject.toml")["version"]
    assert f"{len(PACKAGES)} wheels of {said}" in done.stdout
    assert f"would run: git tag v{said}" in done.stdout and "would run: uv publish diffopt_core" in done.stdout
    assert not re.search("to mend: (?!the tree|CHANGELOG.md: .* is not dated)", done.stdout), done.stdout
    release = runpy.run_path(str(ROOT / "tools" / "release.py"))
    wheel = sorted(tmp_path.glob("diffopt_priors*.whl"))[0]
    spoilt = tmp_path / "spoilt.whl"
    with zipfile.ZipFile(wheel) as whole, zipfile.ZipFile(spoilt, "w") as part:
        for name in whole.namelist():
            if name.endswith("METADATA"):
                part.writestr(name, whole.read(name).replace(f"=={said}".encode(), b">=0.1"))
            elif name.endswith(".safetensors"):
                part.writestr(name, b"")
    told = release["faults_of_wheel"](spoilt, (ROOT / "LICENSE").read_bytes())
    for word in ("not our licence file", "WEIGHTS.md is missing", "diffopt-core>=0.1"):
        assert any(word in fault for fault in told), told


def test_the_changelog_begins_with_this_version():
    release = runpy.run_path(str(ROOT / "tools" / "release.py"))
    assert [fault for fault in release["faults_of_tree"]() if "is not dated" not in fault] == []


def test_constraints_are_exact_and_within_bounds():
    """`python tools/constraints.py` mends this."""
    text = (ROOT / "constraints.txt").read_text()
    pins = dict(line.split("==") for line in text.splitlines() if not line.startswith("#"))
    assert pins and not re.search(r"://|@|--", text)
    for path in PACKAGES:
        said = project(path)
        for line in said["dependencies"]:
            name, _, least = re.split(r"\[.*?\]|;", line)[0].partition(">=")
            if not name.startswith("diffopt-") and path.parent.name != "diffopt-pytorch3d":
                numbers = [tuple(int(n) for n in re.findall(r"\d+", v)[:2]) for v in (pins[name], least.split(",")[0])]
                assert numbers[0] >= numbers[1], line
