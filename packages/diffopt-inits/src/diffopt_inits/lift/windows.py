"""Clips of any length and rate: overlapping windows, one estimate per frame, interpolation over frames without the
person."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from diffopt_core.data.rotation import slerp
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .inputs import Evidence, Frame, features, frame_of
from .network import LiftNetwork


@dataclass(frozen=True)
class Bridge:
    """``before``, ``after``: the nearest frames with the person; ``share``: relative position between them; ``doubt``:
    variance of a random walk of unit rate that is fixed at both, s. A frame with the person is its own neighbour."""

    before: Int[Tensor, "T"]
    after: Int[Tensor, "T"]
    share: Float[Tensor, "T"]
    doubt: Float[Tensor, "T"]

    def mean(self, x: Float[Tensor, "T *d"]) -> Float[Tensor, "T *d"]:
        """Linear interpolation across gaps."""
        share = self.share.view(-1, *[1] * (x.dim() - 1))
        return torch.lerp(x[self.before], x[self.after], share)

    def rotation(self, x: Float[Tensor, "T *d 3 3"]) -> Float[Tensor, "T *d 3 3"]:
        """Slerp across gaps."""
        gaps = self.doubt > 0
        out, share = x.clone(), self.share.view(-1, *[1] * (x.dim() - 3))
        out[gaps] = slerp(x[self.before[gaps]], x[self.after[gaps]], share[gaps])
        return out

    def variance(self, x: Float[Tensor, "T *d"], rate: float) -> Float[Tensor, "T *d"]:
        """Variances plus those of a random walk of ``rate`` (units squared per second) in gaps."""
        return self.mean(x) + rate * self.doubt.view(-1, *[1] * (x.dim() - 1))


def bridge(present: Bool[Tensor, "T"], fps: float) -> Bridge:
    """Neighbours of every frame; at least one frame must have the person. Before the first and after the last such
    frame, its values are kept and the variance grows without limit."""
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


#: Frames of a window as trained, above and below ``_SLOW`` frames per second.
_LONG, _SHORT, _SLOW = 64, 32, 22.0
#: Highest frame rate; faster clips are split into sequences of every n-th frame.
_FASTEST = 60.0
#: Windows per forward pass.
_AT_ONCE = 128


def cut(frames: int, length: int) -> Int[Tensor, "N L"]:
    """Frame numbers of windows that overlap by half and reach both ends."""
    length = min(length, frames)
    hop = max(1, length // 2)
    starts = torch.arange(0, frames - length + hop, hop).clamp(max=frames - length)
    return starts.unsqueeze(1) + torch.arange(length)


@torch.no_grad()
def run(network: LiftNetwork, evidence: Evidence) -> tuple[Float[Tensor, "T W"], Frame]:
    """Raw outputs of each frame of one clip (batch 1), and the person's position in the image.

    In overlaps, the window in which the frame is closer to the centre has more weight.
    """
    fps = float(evidence.fps[0])
    stride = max(1, math.ceil(fps / _FASTEST - 1e-6))
    parts = [_run(network, _every(evidence, phase, stride)) for phase in range(stride)]
    if stride == 1:
        return parts[0]
    raw, frames = [part[0] for part in parts], [part[1] for part in parts]
    whole = Frame(*(_woven([getattr(f, name)[0] for f in frames])[None] for name in ("centre", "size", "present")))
    return _woven(raw), whole


def _run(network: LiftNetwork, evidence: Evidence) -> tuple[Float[Tensor, "T W"], Frame]:
    frame, fps = frame_of(evidence.points), float(evidence.fps[0])
    inputs = features(evidence, frame)[0]
    index = cut(len(inputs), _LONG if fps > _SLOW else _SHORT)
    time = torch.arange(index.shape[1]).expand_as(index) / fps
    out = torch.cat([network(inputs[rows], time[: len(rows)]) for rows in index.split(_AT_ONCE)])
    ramp = torch.arange(1.0, index.shape[1] + 1)
    weight = torch.minimum(ramp, ramp.flip(0)).expand(index.shape)
    total = inputs.new_zeros(len(inputs)).index_add(0, index.flatten(), weight.flatten())
    summed = inputs.new_zeros(len(inputs), out.shape[-1]).index_add(
        0, index.flatten(), (out * weight.unsqueeze(-1)).flatten(0, 1)
    )
    return summed / total.unsqueeze(-1), frame


def _every(evidence: Evidence, phase: int, stride: int) -> Evidence:
    def pick(x: Tensor | None) -> Tensor | None:
        return None if x is None else x[:, phase::stride]

    points, turning = pick(evidence.points), pick(evidence.turning)
    assert points is not None and turning is not None
    return Evidence(
        points, turning, evidence.fps / stride, pick(evidence.pose), pick(evidence.pose_seen),
        pick(evidence.pose_depth), pick(evidence.landmarks),
    )  # fmt: skip


def _woven(parts: list[Tensor]) -> Tensor:
    """Interleave sequences of every n-th frame back into the original order."""
    out = parts[0].new_empty(sum(len(part) for part in parts), *parts[0].shape[1:])
    for phase, part in enumerate(parts):
        out[phase :: len(parts)] = part
    return out
