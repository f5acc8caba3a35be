"""What contracts share whose components are built on a problem."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ...interfaces import ProblemContext
from .component import ComponentContract
from .problem import make_problem


class ProblemContract(ComponentContract):
    """Builds on a small synthetic problem."""

    clips: ClassVar[int] = 2
    frames: ClassVar[int] = 12

    def context(self) -> ProblemContext:
        return make_problem(self.clips, self.frames, host=self.registry())


def weighed(part: Tensor) -> Tensor:
    """A sum with weights that no symmetry cancels."""
    return (part * torch.linspace(0.5, 1.5, part.numel(), dtype=part.dtype).view_as(part).cos()).sum()
