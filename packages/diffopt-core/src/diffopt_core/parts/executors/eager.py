"""Plain calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...interfaces import Step


class Eager:
    """Implements :class:`diffopt_core.interfaces.Executor`. Runs the step as it is, on any device."""

    def prepare(self, step: Step, capturable: bool) -> Step:
        return step
