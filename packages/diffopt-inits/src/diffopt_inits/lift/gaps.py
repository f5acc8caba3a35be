"""Frames without the person: bridged from both sides, less sure the further from either."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffopt_core.data.rotation import slerp
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Bridge:
    """``before``, ``after``: the nearest frames with the person; ``share``: of the way between them; ``doubt``:
    variance of a random walk of unit rate that is fixed at both, s. A frame with the person is its own neighbour."""

    before: Int[Tensor, "T"]
    after: Int[Tensor, "T"]
    share: Float[Tensor, "T"]
    doubt: Float[Tensor, "T"]

    def mean(self, x: Float[Tensor, "T *d"]) -> Float[Tensor, "T *d"]:
        """Straight lines across the gaps."""
        share = self.share.view(-1, *[1] * (x.dim() - 1))
        return torch.lerp(x[self.before], x[self.after], share)

    def rotation(self, x: Float[Tensor, "T *d 3 3"]) -> Float[Tensor, "T *d 3 3"]:
        """The shortest turn across the gaps."""
        gaps = self.doubt > 0
        out, share = x.clone(), self.share.view(-1, *[1] * (x.dim() - 3))
        out[gaps] = slerp(x[self.before[gaps]], x[self.after[gaps]], share[gaps])
        return out

    def variance(self, x: Float[Tensor, "T *d"], rate: float) -> Float[Tensor, "T *d"]:
        """Variances, with what a walk of ``rate`` (units squared a second) adds in the gaps."""
        return self.mean(x) + rate * self.doubt.view(-1, *[1] * (x.dim() - 1))


def bridge(present: Bool[Tensor, "T"], fps: float) -> Bridge:
    """Neighbours of every frame; at least one frame must have the person. Beyond the first and the last such frame
    what was there stays, and doubt grows without end."""
    frame = torch.arange(len(present))
    last = torch.where(present, frame, -1).cummax(0).values
    following = torch.where(present, frame, len(present)).flip(0).cummin(0).values.flip(0)
    open_before, open_after = last < 0, following >= len(present)
    before = torch.where(open_before, following, last)
    after = torch.where(open_after, last, following)
    since, until = (frame - before).abs().float(), (after - frame).abs().float()
    share = torch.where(before == after, 0.0, since / (since + until).clamp_min(1.0))
    inside = since * until / (since + until).clamp_min(1.0)
    return Bridge(before, after, share, torch.where(open_before | open_after, since, inside) / fps)
