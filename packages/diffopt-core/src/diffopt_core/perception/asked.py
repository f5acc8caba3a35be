"""What the user asks of an input (the recipe's ``input``) and this kind of input has no use for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..host.contract import named_file
from ..host.recipe import Recipe
from ..types import Clip

#: Components that take what is in the clip's own file.
_OWN = frozenset({"auto", "given", "lift", "landmarks"})
Rule = tuple[str, Callable[[Clip, Recipe], bool], str]


def _has_skeleton(clip: Clip, recipe: Recipe) -> bool:
    return clip.rest_joints is not None


def _is_all_there(clip: Clip, recipe: Recipe) -> bool:
    """Neither images, nor a result file of another system, nor a component that may look elsewhere."""
    roles = (recipe.detector, recipe.camera, recipe.initializer)
    return clip.video is None and all(role.name in _OWN and not named_file(role.options) for role in roles)


def _has_no_shots(clip: Clip, recipe: Recipe) -> bool:
    """No video: also evidence that was made of one."""
    return clip.video is None or clip.observations is not None


#: Key of ``input``, whose flag has its name; where it has no effect; and why. Frames, rates and focal length are of use
#: for any input.
RULES: tuple[Rule, ...] = (
    ("height", _has_skeleton, "the file has the person's skeleton"),
    ("person", _is_all_there, "the file has the evidence of one person"),
    ("shot", _has_no_shots, "the file has no shots"),
    ("env", _is_all_there, "no program is run: the evidence is in the file"),
)


def unused(clip: Clip, recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Flags that have no effect on a clip, and why."""
    plain = type(recipe.input)()
    for key, idle, why in RULES:
        value = getattr(recipe.input, key)
        if value != getattr(plain, key) and idle(clip, recipe):
            yield f"--{key} {value}", f"has no effect: {why}"
