"""The recipes that stand in for the default one where a video's own images say what is known of the camera."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .choice import Choice

if TYPE_CHECKING:
    from ..recipe import Recipe
    from ..registry import Registry

#: ``facts["path"]`` of a camera -> recipe: it stands or turns on the spot; its path was followed on the images.
RECIPES = {"fixed": "standing-camera", "tracked": "tracked-camera"}


def by_path(choice: Choice, registry: Registry) -> Mapping[str, Recipe]:
    """None of them where the user named a recipe: then that one is meant."""
    if choice.recipe is not None:
        return {}
    return {path: choice.resolve(registry, name) for path, name in RECIPES.items()}
