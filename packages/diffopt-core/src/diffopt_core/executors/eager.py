"""Plain calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import ComponentConfig

if TYPE_CHECKING:
    from ..interfaces import BuildContext, Executor, Step


class EagerConfig(ComponentConfig):
    """Runs the step as it is, on any device."""

    def build(self, ctx: BuildContext) -> Executor:
        return Eager()


class Eager:
    """Implements :class:`diffopt_core.interfaces.Executor`."""

    def prepare(self, step: Step, capturable: bool) -> Step:
        return step
