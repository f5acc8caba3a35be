"""Random numbers over windows and frames."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor


class Dice:
    """Random draws of one training step, for windows of ``frames`` frames at ``fps`` ``[B]``, all from one
    generator."""

    def __init__(self, fps: Float[Tensor, "B"], frames: int, generator: torch.Generator) -> None:
        self.fps, self.batch, self.frames, self._generator = fps, len(fps), frames, generator
        self._apart = torch.arange(frames)[:, None] - torch.arange(frames)

    def normal(self, *shape: int) -> Float[Tensor, "B *shape"]:
        return torch.randn(self.batch, *shape, generator=self._generator)

    def uniform(self, low: float, high: float, *shape: int) -> Float[Tensor, "B *shape"]:
        return low + (high - low) * torch.rand(self.batch, *shape, generator=self._generator)

    def chance(self, share: float, *shape: int) -> Bool[Tensor, "B *shape"]:
        return torch.rand(self.batch, *shape, generator=self._generator) < share

    def log_uniform(self, low: float, high: float) -> Float[Tensor, "B"]:
        return low * (high / low) ** torch.rand(self.batch, generator=self._generator)

    def wandering(self, time: float, *shape: int) -> Float[Tensor, "B T *shape"]:
        """Stationary first-order processes of unit variance: correlation ``exp(-lag / time)``, ``time`` in seconds."""
        keep = torch.exp(-1.0 / (time * self.fps))[:, None, None]
        weight = keep ** self._apart.clamp_min(0) * (self._apart >= 0)
        weight[:, :, 1:] *= (1 - keep**2).sqrt()
        white = torch.randn(self.batch, self.frames, *shape, generator=self._generator)
        return (weight @ white.reshape(self.batch, self.frames, -1)).view_as(white)

    def smooth(self, x: Float[Tensor, "B T D"], time: Float[Tensor, "B"]) -> Float[Tensor, "B T D"]:
        """Gaussian smoothing over ``time`` seconds, truncated at the ends."""
        sigma = (time * self.fps).clamp_min(0.1)[:, None, None]
        bell = torch.exp(-0.5 * (self._apart / sigma) ** 2)
        return (bell / bell.sum(-1, keepdim=True)) @ x

    def spells(self, least: float, most: float) -> Bool[Tensor, "B T"]:
        """Mask of one random interval of ``least`` to ``most`` seconds per window."""
        length = (self.uniform(least, most) * self.fps).clamp(min=1.0, max=self.frames - 1.0)
        start = torch.rand(self.batch, generator=self._generator) * (self.frames - length)
        frame = torch.arange(self.frames)
        return (frame >= start[:, None]) & (frame < (start + length)[:, None])
