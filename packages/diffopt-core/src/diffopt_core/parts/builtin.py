"""The core's own plugin. It registers through the same hook as a stranger's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ..perception import from_file as given
from ..plugin import Component, WeightFile, hookimpl
from . import bodies, datasets, executors, exporters, metrics, representations, runners, terms

_RECIPES = Path(__file__).parent / "recipes"


@hookimpl
def diffopt_components() -> Iterable[Component]:
    rooms = (given, datasets, bodies, representations, terms, executors, exporters, metrics, runners)
    return [component for room in rooms for component in room.COMPONENTS]


@hookimpl
def diffopt_weights() -> Iterable[WeightFile]:
    return bodies.WEIGHTS


@hookimpl
def diffopt_recipes() -> Mapping[str, Path]:
    return {path.relative_to(_RECIPES).with_suffix("").as_posix(): path for path in sorted(_RECIPES.rglob("*.toml"))}
