"""The walls: who may import whom. Parsed, not imported, so that the test sees every import there is."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[2] / "packages"
CORE = PACKAGES / "diffopt-core" / "src" / "diffopt_core"
#: Offers what the core does as one package: it knows the core, and nobody knows it.
FACE = "diffopt-motion"
#: The sibling packages and the plugins: guests of the core, all behind the same wall.
GUESTS = sorted(
    path.parent
    for path in (*PACKAGES.glob("*/pyproject.toml"), *(PACKAGES.parent / "plugins").glob("*/pyproject.toml"))
    if path.parent.name not in {"diffopt-core", FACE}
)

#: Room of diffopt_core -> layer. A file imports from lower layers, and from its own room.
LAYERS: dict[str, float] = {
    # what everybody may know
    "errors": 0, "plugin": 0, "skeleton": 0, "hookspecs": 0.5, "unpickle": 0.5, "places": 0.5, "progress": 0.6,
    "jobs": 0.5, "voice": 0.5, "options": 0.5, "heard": 0.5, "toml": 0.5,
    # tensors
    "rotation": 1, "geometry": 1.1, "adam": 1,
    # shapes, units, frames
    "types": 2,
    # names and settings
    "config": 2.4, "interfaces": 2.5, "recipe_spec": 3, "recipe": 3.1,
    # images, and programs that look at them in environments of their own
    "video": 3.5, "foreign": 3.8,
    # how things are found and held
    "registry": 3.9, "variables": 4, "window": 4, "camera_residual": 4, "noise": 4, "weights": 4, "train": 4,
    "completion": 4, "choice": 4,
    # one method a file; a body is what others pose, so it stands below them
    "bodies": 5, "metrics": 5,
    "representations": 5.1, "terms": 5.1, "executors": 5.1, "datasets": 5.1, "given": 5.1,
    "runners": 5.1,
    "exporters": 5.2,
    "builtin": 5.5, "demo_motion": 5.5,
    # one step of the walk each, in its order
    "perceived": 5.8,
    "perceive": 6, "evaluate": 6, "camera_unit": 6, "draws": 6, "place": 6.1, "problem": 6.2,
    "rescale_stance": 6.25, "rescale": 6.3, "solve": 6.4,
    # results read back, their truth by the first step; what they say of themselves
    "saved": 6.05, "inputs": 6.05, "quality": 6.05,
    "provenance": 6.5, "folder": 6.5, "picture": 6.5, "run_file": 6.5,
    "report": 6.6, "watch": 6.5, "batch": 6.6, "stretches": 6.7,
    # the walk
    "run": 7,
    # the walk as one call
    "recover": 7.1,
    # many walks: their scores side by side, and the grid that makes them
    "study": 7.1, "grid": 7.2,
    # people
    "cli": 8,
    # contracts for plugin authors: any layer but the walk and people
    "testing": 6.9,
}  # fmt: skip

#: What a sibling or a plugin may import: layers 0 to 4, and helpers that docs/plugins.md documents.
PUBLIC_LAYER = 4
PUBLIC_HELPERS = {"testing", "bodies", "datasets", "saved"}

#: Modules whose import must not bring torch or numpy along (`diffopt --help`, `diffopt plugins`).
LIGHT = (
    "errors", "plugin", "hookspecs", "skeleton", "config", "recipe", "recipe_spec", "registry", "builtin", "cli",
    "voice", "completion", "choice",
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


def test_no_two_modules_import_one_another():
    """Not lazily and not for types either: see "three rungs" in docs/architecture.md."""
    root = PACKAGES.parent
    counted = subprocess.run(
        [sys.executable, str(root / "tools" / "census.py"), str(root), "--json"], capture_output=True, check=True
    )
    assert json.loads(counted.stdout)["circles"] == []


def test_every_room_has_a_layer():
    rooms = {room(path) for path in files(CORE)} - {"__init__"}
    assert rooms <= set(LAYERS), f"give a layer to {sorted(rooms - set(LAYERS))}"


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
            known = {name, "diffopt_core", "diffopt_frames"}
            assert not top.startswith("diffopt_") or top in known, f"{path.name} imports {module}"
            other = core_room(module)
            allowed = other is None or LAYERS[other] <= PUBLIC_LAYER or other in PUBLIC_HELPERS
            assert allowed, f"{path.relative_to(root)} imports {module}"


@pytest.mark.parametrize("light", LIGHT)
def test_names_and_settings_need_no_torch(light: str):
    found = [path for path in files(CORE) if room(path) == light and not _behind_a_command(path)]
    assert found
    for path in found:
        for module, at_import in imports(path, "diffopt_core", CORE):
            heavy = module.split(".")[0] in HEAVY
            assert not (heavy and at_import), f"{path.relative_to(CORE)} imports {module} at its top"


def _behind_a_command(path: Path) -> bool:
    """Modules of the command line that its commands import once they run."""
    return path.parent.name == "cli" and path.stem in {"quality"}


def test_nobody_knows_the_face():
    face = FACE.replace("-", "_")
    for root in (CORE, *(package / "src" / package.name.replace("-", "_") for package in GUESTS)):
        for path in files(root):
            known = {module.split(".")[0] for module, _ in imports(path, root.name, root)}
            assert face not in known, f"{path} imports {face}"
