"""Which frames of a clip count, and means over them. Every clip has its own count, so a batch repeats its clips."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor


def frame_mean(values: Float[Tensor, "B T"], frames: Bool[Tensor, "B T"]) -> Float[Tensor, "B"]:
    """Mean of ``values`` over the frames that count; 0 for a clip in which none does."""
    weight = frames.to(values.dtype)
    return (values * weight).sum(1) / weight.sum(1).clamp_min(1.0)


def span(valid: Bool[Tensor, "B T"]) -> Bool[Tensor, "B T"]:
    """Frames from the first to the last valid one.

    Terms about the motion alone count these: a gap in the observations is where they are needed most.
    """
    count = valid.long()
    return (count.cumsum(1) > 0) & (count.flip(1).cumsum(1).flip(1) > 0)


def steps(frames: Bool[Tensor, "B T"], gap: int = 1, order: int = 1) -> Bool[Tensor, "B T2"]:
    """Which differences of ``order`` over ``gap`` frames touch counted frames only (``T2 = T - gap * order``)."""
    for _ in range(order):
        frames = frames[:, gap:] & frames[:, :-gap]
    return frames
