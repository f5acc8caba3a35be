"""Free tensors, one value a frame."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.rotation import interleaved_to_matrix, matrix_to_interleaved
from ...interfaces import ProblemContext
from ...types import HumanMotion
from .configs import RawConfig


class FreeTensors:
    """``variables()``: ``pose`` ``B T 23 6``, ``orient`` ``B T 1 6`` (interleaved 6D), ``trans``: positions
    ``B T 3`` (m), or the first position ``B 1 3`` and the steps ``B T-1 3`` (m a frame)."""

    def __init__(self, config: RawConfig, ctx: ProblemContext):
        initial = ctx.initial
        self.config = config
        self.betas, self.betas_of = initial.betas, initial.betas_of
        six = matrix_to_interleaved(initial.pose)
        self.orient, self.pose = six[:, :, :1].clone(), six[:, :, 1:].clone()
        if config.trans == "position":
            self.trans = [initial.trans.clone()]
        else:
            self.trans = [initial.trans[:, :1].clone(), initial.trans.diff(dim=1)]
        self.correction = torch.zeros_like(initial.trans)

    def motion(self) -> HumanMotion:
        pose = interleaved_to_matrix(torch.cat([self.orient, self.pose], dim=2))
        trans = self.trans[0] if self.config.trans == "position" else torch.cat(self.trans, dim=1).cumsum(1)
        return HumanMotion(pose, trans + self.correction, self.betas, self.betas_of)

    def variables(self) -> Mapping[str, list[Tensor]]:
        return {"pose": [self.pose], "orient": [self.orient], "trans": self.trans}

    @torch.no_grad()
    def shift(self, delta: Float[Tensor, "B T 3"]) -> None:
        self.correction.add_(delta)
