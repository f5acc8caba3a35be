"""The recipes that stand in for the default one where the evidence says what is known of the camera."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .choice import Choice

if TYPE_CHECKING:
    from ..recipe import Recipe
    from ..registry import Registry

#: Names that :func:`diffopt_core.run.fitting` may give.
RECIPES = ("standing-camera", "tracked-camera")


def by_path(choice: Choice, registry: Registry) -> Mapping[str, Recipe]:
    """None of them where the user named a recipe: then that one is meant."""
    return {} if choice.recipe is not None else {name: choice.resolve(registry, name) for name in RECIPES}
