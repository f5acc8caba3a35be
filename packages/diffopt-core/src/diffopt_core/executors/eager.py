"""Plain calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..config import ComponentConfig

if TYPE_CHECKING:
    from torch import Tensor

    from ..interfaces import BuildContext, Executor


class EagerConfig(ComponentConfig):
    """Runs the step as it is, on any device."""

    def build(self, ctx: BuildContext) -> Executor:
        return Eager()


class Eager:
    """Implements :class:`diffopt_core.interfaces.Executor`."""

    def prepare(self, step: Callable[[], Tensor], capturable: bool) -> Callable[[], Tensor]:
        return step
