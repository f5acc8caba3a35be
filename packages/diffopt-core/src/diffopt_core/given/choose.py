"""What the three ``auto`` components share: the file's own evidence, or a named component, and who it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from ..errors import DiffOptError, UnknownName
from ..types import CameraFrameBody, CameraTrajectory, Observations

Part = TypeVar("Part", Observations, CameraTrajectory, CameraFrameBody)


def build_named(ctx: Any, kind: str, name: str, options: Mapping[str, Any]) -> Any:
    """The component that ``auto`` stands for; where its package is absent, one line that says so."""
    try:
        return ctx.build(kind, name, options)
    except UnknownName as error:
        raise DiffOptError(
            f"this clip brings no {kind} of its own and {kind} '{name}' is not installed (it comes with "
            f"diffopt-{'cameras' if kind == 'camera' else 'inits'}); install it or choose one with "
            f"{'--init' if kind == 'initializer' else f'--{kind}'} NAME"
        ) from error


def signed(part: Part, name: str) -> Part:
    """``part`` with the name of the component that made it in its facts."""
    return replace(part, facts={**part.facts, "component": name})
