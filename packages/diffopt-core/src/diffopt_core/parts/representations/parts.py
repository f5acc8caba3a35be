"""A long clip as overlapping parts, each with a field of its own, faded into one another."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor


class Parts:
    """``frames`` cut into ``count`` parts of ``length`` each, neighbours sharing at least ``overlap`` frames.

    What the parts say of a frame is averaged with weights that add up to one and fade out towards a part's ends, so
    the clip has one motion throughout: there is nothing to agree on in the overlap and no seam to hide. A clip of at
    most ``longest`` frames is one part, and splitting and joining do nothing.
    """

    def __init__(self, frames: int, longest: int | None, overlap: int, like: Tensor) -> None:
        self.frames = frames
        longest = longest or frames
        overlap = min(overlap, longest - 1)
        self.count = 1 if frames <= longest else math.ceil((frames - overlap) / (longest - overlap))
        self.length = math.ceil((frames + (self.count - 1) * overlap) / self.count)
        spread = (frames - self.length) / max(1, self.count - 1)
        starts = torch.tensor([round(i * spread) for i in range(self.count)], device=like.device)
        self.index = starts.unsqueeze(1) + torch.arange(self.length, device=like.device)
        self._weight = self._fade(starts.tolist(), like)

    def _fade(self, starts: list[int], like: Tensor) -> Float[Tensor, "K L 1"]:
        """Half a cosine over each overlap, divided by what all parts together give a frame."""
        weight = like.new_ones(self.count, self.length)
        for k in range(1, self.count):
            shared = starts[k - 1] + self.length - starts[k]
            rise = 0.5 - 0.5 * torch.cos(torch.pi * (torch.arange(shared).to(like) + 0.5) / shared)
            weight[k, :shared] *= rise
            weight[k - 1, self.length - shared :] *= rise.flip(0)
        total = like.new_zeros(self.frames).index_add_(0, self.index.flatten(), weight.flatten())
        return (weight / total[self.index]).unsqueeze(-1)

    def split(self, x: Tensor) -> Tensor:
        """``B T ...`` to ``(B K) L ...``, parts of a clip side by side."""
        return x if self.count == 1 else x[:, self.index].flatten(0, 1)

    def own(self, leaf: Tensor) -> Tensor:
        """A leaf with leading ``(B K)`` as variables have it: leading ``B``."""
        return leaf if self.count == 1 else leaf.unflatten(0, (-1, self.count))

    def join(self, x: Float[Tensor, "BK L D"]) -> Float[Tensor, "B T D"]:
        """The weighted mean of what the parts say of each frame."""
        if self.count == 1:
            return x
        weighted = (x.unflatten(0, (-1, self.count)) * self._weight).flatten(1, 2)
        out = weighted.new_zeros(len(weighted), self.frames, weighted.shape[-1])
        return out.index_add(1, self.index.flatten(), weighted)
