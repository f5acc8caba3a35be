"""The walls: who may import whom. Parsed, not imported, so that the test sees every import there is."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from diffopt_core.common.moved import MOVED

PACKAGES = Path(__file__).parents[2] / "packages"
CORE = PACKAGES / "diffopt-core" / "src" / "diffopt_core"
#: Files of other systems, which inits and cameras share: it knows the core, and these two know it.
FORMATS, ITS_USERS = "diffopt_formats", {"diffopt-inits", "diffopt-cameras"}
#: Offers what the core does as one package: it knows the core, and nobody knows it.
FACE = "diffopt-motion"
#: The sibling packages and the plugins: guests of the core, all behind the same wall.
GUESTS = sorted(
    path.parent
    for path in (*PACKAGES.glob("*/pyproject.toml"), *(PACKAGES.parent / "plugins").glob("*/pyproject.toml"))
    if path.parent.name not in {"diffopt-core", FACE}
)

#: Room or public module of diffopt_core -> layer. A file imports from lower layers, and from its own room.
LAYERS: dict[str, int] = {
    "errors": 0,  # what everybody may know
    "plugin": 1,
    "common": 2,
    "types": 3,  # shapes, units, frames
    "data": 4,  # tensors
    "config": 5,  # settings; no torch
    "interfaces": 6,  # the protocols
    "host": 7,  # how things are found and held
    "perception": 8,  # from files to evidence
    "parts": 9,  # what the core offers as a plugin
    "solver": 10,  # from evidence to motion
    "results": 11,  # the walk, and results on disk
    "cli": 12,  # people
}  # fmt: skip

#: What a sibling or a plugin may not import: how things are solved, and the command line.
PRIVATE = {"solver", "cli"}

#: Modules whose import must not bring torch or numpy along (`diffopt --help`, `diffopt plugins`).
LIGHT = (
    "errors", "plugin", "config", "cli", "host/recipe", "host/recipe_spec", "host/registry",
    "host/completion", "host/choice", "parts/builtin", "common/output", "common/options", "data/skeleton",
)  # fmt: skip
HEAVY = {"torch", "numpy", "scipy", "matplotlib", "jaxtyping", "safetensors"}


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def room(path: Path, root: Path = CORE) -> str:
    return path.relative_to(root).parts[0].removesuffix(".py")


def imports(path: Path, package: str, root: Path) -> list[tuple[str, bool]]:
    """Every module that a file imports, absolute, and whether at run time on import (not lazily, not for types)."""
    tree = ast.parse(path.read_text())
    lazy = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
        for inner in ast.walk(node)
    }
    here = [package, *path.relative_to(root).with_suffix("").parts]
    found: list[tuple[str, bool]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) not in lazy) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                stem = here[: len(here) - node.level]
                base = ".".join([*stem, base] if base else stem)
            names = [alias.name for alias in node.names] if base in {package, ""} else [""]
            found += [(f"{base}.{name}".rstrip("."), id(node) not in lazy) for name in names]
    return found


def core_room(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "diffopt_core" and len(parts) > 1 else None


@pytest.mark.slow
def test_no_two_modules_import_one_another():
    """Not lazily and not for types either: see "name, config, object" in docs/architecture.md."""
    root = PACKAGES.parent
    counted = subprocess.run(
        [sys.executable, str(root / "tools" / "census.py"), str(root), "--json"], capture_output=True, check=True
    )
    assert json.loads(counted.stdout)["circles"] == []


def test_every_room_has_a_layer():
    rooms = {room(path) for path in files(CORE)} - {"__init__"}
    assert rooms <= set(LAYERS), f"give a layer to {sorted(rooms - set(LAYERS))}"


def test_the_docs_show_these_layers():
    text = (PACKAGES.parent / "docs" / "architecture.md").read_text()
    shown = re.findall(r"^\| (\d+) \| `(\w+)` \|", text, re.MULTILINE)
    assert {name: int(layer) for layer, name in shown} == LAYERS


@pytest.mark.parametrize("path", files(CORE), ids=lambda path: str(path.relative_to(CORE)))
def test_imports_point_down(path: Path):
    own = room(path)
    for module, _ in imports(path, "diffopt_core", CORE):
        other = core_room(module)
        if other is None or other == own or own == "__init__":
            continue
        assert LAYERS[other] < LAYERS[own], f"{own} (layer {LAYERS[own]}) imports {other} (layer {LAYERS[other]})"


@pytest.mark.parametrize("package", GUESTS, ids=lambda package: package.name)
def test_siblings_know_the_low_layers_only(package: Path):
    name = package.name.replace("-", "_")
    root = package / "src" / name
    assert files(root), f"{package.name} has no src/{name}"
    for path in files(root):
        for module, _ in imports(path, name, root):
            top = module.split(".")[0]
            # diffopt_frames: what a script that runs in another environment gets its frames from
            known = {name, "diffopt_core", "diffopt_frames"} | ({FORMATS} if package.name in ITS_USERS else set())
            assert not top.startswith("diffopt_") or top in known, f"{path.name} imports {module}"
            other = core_room(module)
            assert other not in PRIVATE, f"{path.relative_to(root)} imports {module}"


@pytest.mark.parametrize("light", LIGHT)
def test_names_and_settings_need_no_torch(light: str):
    found = files(CORE / light) or [CORE / f"{light}.py"]
    for path in found:
        for module, at_import in imports(path, "diffopt_core", CORE):
            heavy = module.split(".")[0] in HEAVY
            assert not (heavy and at_import), f"{path.relative_to(CORE)} imports {module} at its top"


@pytest.mark.slow
def test_nobody_knows_the_face():
    face = FACE.replace("-", "_")
    for root in (CORE, *(package / "src" / package.name.replace("-", "_") for package in GUESTS)):
        for path in files(root):
            known = {module.split(".")[0] for module, _ in imports(path, root.name, root)}
            assert face not in known, f"{path} imports {face}"


def test_few_modules_lie_beside_the_rooms():
    assert {path.stem for path in CORE.glob("*.py")} == {
        "__init__", "config", "errors", "interfaces", "plugin", "types"
    }  # fmt: skip
    assert len([path for path in CORE.iterdir() if (path / "__init__.py").is_file()]) <= 8


@pytest.mark.parametrize("old", MOVED)
def test_modules_are_found_under_their_old_names(old: str):
    assert importlib.import_module(f"diffopt_core.{old}") is importlib.import_module(f"diffopt_core.{MOVED[old]}")


def test_so_is_what_lies_below_them():
    from diffopt_core.datasets.case_file import write_case as before
    from diffopt_core.parts.datasets.case_file import write_case

    assert before is write_case
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("diffopt_core.datasets.nothing_of_the_kind")
