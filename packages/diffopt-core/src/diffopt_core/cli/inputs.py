"""What the user names on the command line, as files to open: files as they are, folders by their content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput

if TYPE_CHECKING:
    from ..recipe import Recipe
    from ..registry import Registry

RUN_FILE = "run.json"


def expand(inputs: Sequence[Path], registry: Registry, recipe: Recipe) -> tuple[Path, ...]:
    """Files and folders as clips. A folder that a dataset reads as a whole is one clip; another is searched."""
    paths: list[Path] = []
    for path in inputs:
        paths += _search(path, registry, recipe) if path.is_dir() else [path]
    return tuple(paths)


def _search(folder: Path, registry: Registry, recipe: Recipe) -> list[Path]:
    datasets = _datasets(registry, recipe)
    if any(dataset.accepts(folder) for dataset in datasets):
        return [folder]
    found = [path for path in sorted(folder.iterdir()) if path.is_file() and any(d.accepts(path) for d in datasets)]
    if (folder / RUN_FILE).is_file():
        raise BadInput(folder, RUN_FILE, f"this is a result; to repeat its run: diffopt run {folder / RUN_FILE}")
    if not found:
        names = ", ".join(registry.components["dataset"])
        raise BadInput(folder, "folder", f"holds no file that a dataset knows (installed: {names})")
    return found


def _datasets(registry: Registry, recipe: Recipe) -> list[Any]:
    """Those of the recipe's choice; under ``auto``, all."""
    import torch

    from ..interfaces import BuildContext

    ctx = BuildContext(torch.device("cpu"), 0, lambda kind, name, options: registry.build(kind, name, options, ctx))
    choice = recipe.dataset
    if choice.name != "auto":
        return [registry.build("dataset", choice.name, choice.options, ctx)]
    return [registry.build("dataset", name, {}, ctx) for name in registry.components["dataset"]]
