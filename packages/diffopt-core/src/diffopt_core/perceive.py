"""First step: from a file to evidence. Dataset, detector, camera source and initializer, each called once."""

from __future__ import annotations

from pathlib import Path

from .errors import BadInput
from .interfaces import BuildContext
from .recipe import Recipe, RoleSpec
from .registry import Registry
from .types import Clip
from .window import Evidence, cut


def open_clip(path: Path, registry: Registry, recipe: Recipe, ctx: BuildContext) -> Clip:
    """Read a file with the recipe's dataset; ``auto`` asks each dataset whether it knows the file."""
    if not path.exists() and "#" not in path.name:  # `shard.npz#clip` names a clip inside a file
        raise BadInput(path, "file", "does not exist")
    choice = recipe.dataset
    if choice.name == "auto":
        for name in registry.components["dataset"]:
            dataset = registry.build("dataset", name, _known(registry, name, choice), ctx)
            if dataset.accepts(path):
                break
        else:
            names = ", ".join(registry.components["dataset"])
            raise BadInput(path, "format", f"no dataset knows this file (installed: {names}); name one with --dataset")
    else:
        dataset = registry.build("dataset", choice.name, choice.options, ctx)
    return cut(dataset.load(path), recipe.input.start, recipe.input.stop, recipe.input.fps)


def _known(registry: Registry, name: str, choice: RoleSpec) -> dict:
    """Under ``auto``, options go to those datasets that have them."""
    fields = registry.config_class("dataset", name).model_fields
    return {key: value for key, value in choice.options.items() if key in fields}


def perceive(clip: Clip, registry: Registry, recipe: Recipe, ctx: BuildContext) -> Evidence:
    """Keypoints, camera and camera-frame body of a clip."""

    def build(role: RoleSpec, kind: str):
        return registry.build(kind, role.name, role.options, ctx)

    observations = build(recipe.detector, "detector").detect(clip)
    if not bool(observations.valid.any()):
        raise BadInput(clip.path or clip.name, "valid", "the person is found in no frame")
    camera = build(recipe.camera, "camera").trajectory(clip, observations)
    body = build(recipe.initializer, "initializer").initialize(clip, observations, camera)
    return Evidence(clip, observations, camera, body)
