"""What the three ``auto`` components share: who looks at images, and who it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ConfigDict

from ..config import ComponentConfig
from ..errors import DiffOptError
from ..interfaces import BuildContext
from ..plugin import KINDS
from ..types import CameraFrameBody, CameraTrajectory, Observations

Part = TypeVar("Part", Observations, CameraTrajectory, CameraFrameBody)


class AutoConfig(ComponentConfig):
    """One option of its own, who looks at images; any other goes to the component that it stands for."""

    model_config = ConfigDict(frozen=True, extra="allow")

    @property
    def asked(self) -> str | None:
        """Who looks at images, where the user says so."""
        (own,) = type(self).model_fields
        name: str | None = getattr(self, own)
        return name

    @property
    def handed_on(self) -> Mapping[str, Any]:
        """The other options."""
        return self.model_extra or {}


def for_video(ctx: BuildContext, kind: str, asked: str | None) -> str:
    """The component for a clip that is images alone: the one asked for, else the one whose row says that it is that.

    Raises DiffOptError where no package offers one, or several do.
    """
    if asked is not None:
        return asked
    names = [row.name for row in ctx.host.components[kind].values() if row.default_for == "video"]
    if len(names) == 1:
        return names[0]
    found = f"{' and '.join(names)} both want to be it" if names else "no installed package offers one for videos"
    raise DiffOptError(
        f"this clip brings no {kind} of its own and {found}; choose one with {KINDS[kind].flag} NAME "
        f"(`diffopt plugins {kind}` lists what there is)"
    )


def signed(part: Part, name: str) -> Part:
    """``part`` with the name of the component that made it in its facts."""
    return replace(part, facts={**part.facts, "component": name})
