"""Clips of different lengths in one batch: each begins at frame 0, and frames beyond its end fill the batch up."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def inside(lengths: Sequence[int], frames: int, device: torch.device) -> Bool[Tensor, "B T"]:
    """Mask of each clip's own frames."""
    return torch.arange(frames, device=device) < torch.tensor(lengths, device=device).unsqueeze(1)


def own_mean(values: Float[Tensor, "B #T *d"], own: Bool[Tensor, "B T"] | None) -> Float[Tensor, "B *d"]:
    """Mean over each clip's own frames; ``own`` None: over all. A value for the whole clip (``T`` 1) stays."""
    if own is None or values.shape[1] == 1:
        return values.mean(1)
    weight = own.to(values.dtype).view(*own.shape, *[1] * (values.ndim - 2))
    return (values * weight).sum(1) / weight.sum(1)


def faint(own: Bool[Tensor, "B T"] | None) -> Tensor | float:
    """Weight of frames without evidence where something is smoothed over time; beyond a clip's end so much less that it
    does not matter."""
    return 1e-6 if own is None else torch.where(own, 1e-6, 1e-12)


def cheapest(frames: Sequence[int], most: int, spread: float, worth: int) -> list[list[int]]:
    """Positions of clips of so many ``frames`` in batches of at most ``most``, the shortest clips first.

    A batch costs ``worth`` frames and those of its clips, filled up to the longest, which has at most ``spread`` times
    the frames of the shortest. The cheapest division, by dynamic programming over the sorted lengths.
    """
    order = sorted(range(len(frames)), key=lambda k: frames[k])
    cost, begins = [0.0], [0]
    for end in range(1, len(order) + 1):
        longest = frames[order[end - 1]]
        tried = []
        for begin in range(end - 1, max(end - most, 0) - 1, -1):
            if frames[order[begin]] * spread < longest:
                break
            tried.append((cost[begin] + worth + (end - begin) * longest, begin))
        least, begin = min(tried)
        cost.append(least)
        begins.append(begin)
    batches, end = [], len(order)
    while end:
        batches.append(sorted(order[begins[end] : end]))
        end = begins[end]
    return batches[::-1]
