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
ON_DEMAND = {"lz4", "huggingface-hub"}


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
def test_every_wheel_holds_its_licence(tmp_path):
    command = ["uv", "build", "--all-packages", "--wheel", "--quiet", "--out-dir", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    wheels = sorted(tmp_path.glob("*.whl"))
    assert len(wheels) == len(PACKAGES)
    licence = (ROOT / "LICENSE").read_bytes()
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as held:
            info = next(name.split("/")[0] for name in held.namelist() if name.endswith("/METADATA"))
            about = held.read(f"{info}/METADATA").decode()
            assert re.search("(?m)^License-Expression: Apache-2.0", about), wheel.name
            assert held.read(f"{info}/licenses/LICENSE") == licence, wheel.name
            for file in re.findall("(?m)^License-File: (.+)$", about):
                assert f"{info}/licenses/{file}" in held.namelist(), f"{wheel.name}: {file}"
            weights = [name for name in held.namelist() if name.endswith(".safetensors")]
            assert not weights or ("WEIGHTS.md" in about and "CC-BY-4.0" in about), wheel.name
