"""What the user names, as files to open: files as they are, folders by their content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput

if TYPE_CHECKING:
    from ..host.recipe import Recipe
    from ..host.registry import Registry

RUN_FILE = "run.json"


def expand(inputs: Sequence[Path], registry: Registry, recipe: Recipe) -> tuple[Path, ...]:
    """Files and folders as clips. What a dataset reads is one clip, or those that it lists; another folder is
    searched."""
    datasets = _datasets(registry, recipe)
    paths: list[Path] = []
    for path in inputs:
        paths += _listed(path, datasets) or (_search(path, registry, datasets) if path.is_dir() else [path])
    return tuple(paths)


def _listed(path: Path, datasets: Sequence[Any]) -> list[Path]:
    """The clips of a file or folder by the first dataset that knows it; none where no dataset does."""
    from ..interfaces import ListsClips

    for dataset in datasets:
        if dataset.accepts(path):
            return list(dataset.clips(path)) if isinstance(dataset, ListsClips) else [path]
    return []


def _search(folder: Path, registry: Registry, datasets: Sequence[Any]) -> list[Path]:
    found = [clip for path in sorted(folder.iterdir()) if path.is_file() for clip in _listed(path, datasets)]
    if (folder / RUN_FILE).is_file():
        raise BadInput(folder, RUN_FILE, f"this is a result; to repeat its run: diffopt run {folder / RUN_FILE}")
    if not found:
        names = ", ".join(registry.components["dataset"])
        raise BadInput(folder, "folder", f"holds no file that a dataset knows (installed: {names})")
    return found


def _datasets(registry: Registry, recipe: Recipe) -> list[Any]:
    """Those of the recipe's choice; under ``auto`` all, each with those options that it has."""
    from .perceive import known_options

    ctx = registry.context()
    choice = recipe.dataset
    if choice.name != "auto":
        return [ctx.build("dataset", choice.name, choice.options)]
    return [
        ctx.build("dataset", name, known_options(registry, name, choice)) for name in registry.components["dataset"]
    ]
