"""From a clip to the network's frame rate and window length, differentiably and in one batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from diffopt_core.data.rotation import columns_to_matrix, matrix_to_columns
from jaxtyping import Float
from torch import Tensor

#: Frame rates closer than this (relative) are the same: 29.97 is 30.
_SAME_RATE = 2e-3


class Resampler:
    """Motions at ``fps`` -> motions at ``target`` frames per second.

    Faster clips are sampled with a random phase in [0, 1) of the stride, so that over the steps every frame receives a
    gradient. Rotations are interpolated linearly in 6D and orthonormalised.
    """

    def __init__(self, frames: int, fps: float, target: float, device: torch.device) -> None:
        self.stride = fps / target
        self.identity = abs(self.stride - 1) < _SAME_RATE
        self.random_phase = not self.identity and self.stride > 1
        self.frames = self.count(frames)
        self._grid = torch.arange(self.frames, device=device) * self.stride
        self._limit = frames - 1

    def count(self, frames: int) -> int:
        """Frames at the target rate of a clip of so many."""
        last = frames - 1 - (self.stride if self.random_phase else 0.0)
        return frames if self.identity else max(2, math.floor(last / self.stride + 1e-6) + 1)

    def steps(self, lengths: Sequence[int] | None) -> list[int] | None:
        """Differences between frames at the target rate of clips of so many frames; None for None."""
        return None if lengths is None else [self.count(each) - 1 for each in lengths]

    def __call__(
        self,
        pose: Float[Tensor, "B T 24 3 3"],
        trans: Float[Tensor, "B T 3"],
        phase: Float[Tensor, "B"] | None = None,
    ) -> tuple[Float[Tensor, "B K 24 3 3"], Float[Tensor, "B K 3"]]:
        """``phase`` in [0, 1) is used only if ``random_phase`` is true."""
        if self.identity:
            return pose, trans
        position = self._grid.expand(len(pose), -1)
        if self.random_phase and phase is not None:
            position = position + phase.unsqueeze(1) * self.stride
        position = position.clamp(max=self._limit)
        below = position.long().clamp(max=max(self._limit - 1, 0))
        part = (position - below).to(trans.dtype)
        # Frames are indexed in the flattened batch, because the gradient of plain indexing is more expensive.
        batch, frames = trans.shape[:2]
        first = torch.arange(batch, device=pose.device).unsqueeze(1) * frames
        rows = (below + first).flatten(), ((below + 1).clamp(max=self._limit) + first).flatten()
        flat = torch.cat([matrix_to_columns(pose).flatten(2), trans], dim=-1).flatten(0, 1)
        low, high = (flat.index_select(0, row).view(batch, self.frames, -1) for row in rows)
        mixed = torch.lerp(low, high, part.unsqueeze(-1))
        return columns_to_matrix(mixed[..., :-3].unflatten(-1, (24, 6))), mixed[..., -3:]

    def back(self, x: Float[Tensor, "B K"]) -> Float[Tensor, "B T"]:
        """Numbers at the prior's rate (the last one for the frame that a difference costs) as numbers per frame."""
        position = torch.arange(self._limit + 1, device=x.device) / (1.0 if self.identity else self.stride)
        position = position.clamp(max=x.shape[1] - 1)
        below = position.long()
        return torch.lerp(x[:, below], x[:, (below + 1).clamp(max=x.shape[1] - 1)], (position - below).to(x.dtype))

    def values(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B K D"]:
        """Plain numbers per frame at the prior's rate, at the mean phase."""
        if self.identity:
            return x
        middle = 0.5 * self.stride if self.random_phase else 0.0
        position = (self._grid + middle).clamp(max=self._limit)
        below = position.long()
        above = (below + 1).clamp(max=self._limit)
        return torch.lerp(x[:, below], x[:, above], (position - below).to(x.dtype)[:, None])


def even_length(frames: int, longest: int, overlap: int) -> int:
    """Shortest window that covers ``frames`` with as few windows as ``longest`` would, at that overlap: 99 frames take
    two windows of 58 instead of 80, at two thirds of the cost."""
    if frames <= longest:
        return frames
    overlap = min(overlap, longest - 1)
    count = math.ceil((frames - overlap) / (longest - overlap))
    return math.ceil((frames + (count - 1) * overlap) / count)


class Windows:
    """Overlapping windows of equal length that cover ``frames``; ``weight`` makes every frame count once.

    ``lengths``: frames of each clip, if they differ. All then have as many windows as the longest, each clip's within
    its own frames; ``length`` is at most the shortest's.
    """

    def __init__(
        self, frames: int, length: int, overlap: int, device: torch.device, lengths: Sequence[int] | None = None
    ) -> None:
        self.frames, self.length = frames, min(length, *(lengths or (frames,)))
        stride = max(1, self.length - min(overlap, self.length - 1))
        self.count = 1 + math.ceil((frames - self.length) / stride)
        each = [self._placed(own, device) for own in lengths or (frames,)]
        #: Frames of the windows, [1 or B, count, length].
        self.index = torch.stack([index for index, _ in each])
        #: [1 or B, count, length], sums to 1 for each clip: weights of a mean in which no frame counts twice.
        self.weight = torch.stack([weight for _, weight in each])
        self._own = torch.tensor(lengths or (frames,), device=device).unsqueeze(1)
        #: The same in the flattened batch.
        self._rows = self.index + torch.arange(len(each), device=device)[:, None, None] * frames

    def _placed(self, frames: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """The windows of a clip, and their weights."""
        spread = (frames - self.length) / max(1, self.count - 1)
        starts = torch.tensor([round(i * spread) for i in range(self.count)], device=device)
        index = starts.unsqueeze(1) + torch.arange(self.length, device=device)
        cover = torch.zeros(frames, device=device).index_add_(
            0, index.flatten(), torch.ones(index.numel(), device=device)
        )
        return index, 1 / (cover[index] * frames)

    def joined(self, x: Float[Tensor, "B W L"]) -> Float[Tensor, "B T"]:
        """Mean over the windows that contain each frame; beyond a clip's end that of its last one."""
        shared = (x * self.weight * self._own.unsqueeze(-1)).flatten(1)
        index = self.index.expand(len(x), -1, -1).flatten(1)
        joined = x.new_zeros(len(x), self.frames).scatter_add_(1, index, shared)
        last = torch.arange(self.frames, device=x.device).minimum(self._own - 1)
        return joined.gather(1, last.expand(len(x), -1))

    def split(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B W L D"]:
        """Windows of every clip."""
        if len(self.index) == 1:
            return x[:, self.index[0]]
        # Frames are indexed in the flattened batch, because the gradient of plain indexing is more expensive.
        return x.flatten(0, 1).index_select(0, self._rows.flatten()).view(*self._rows.shape, -1)
