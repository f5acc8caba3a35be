"""One random stream per clip, so that a clip gets the same numbers in a batch as alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


class StreamNoise:
    """Implements :class:`diffopt_core.interfaces.Noise` with one generator per clip.

    ``restart(stage)`` resets every stream to a state that depends only on seed and stage, so a stage draws the same
    numbers whatever ran before it.
    """

    def __init__(self, seeds: Sequence[int], device: torch.device, dtype: torch.dtype = torch.float32):
        self._seeds = tuple(seeds)
        self._dtype = dtype
        self._device = device
        self._streams = [torch.Generator(device=device) for _ in self._seeds]
        self.restart(0)

    @property
    def streams(self) -> Sequence[torch.Generator]:
        return self._streams

    def restart(self, stage: int) -> None:
        for seed, stream in zip(self._seeds, self._streams, strict=True):
            stream.manual_seed(seed * 1_000_003 + stage)

    def normal(self, shape: tuple[int, ...]) -> Float[Tensor, "B *shape"]:
        out = torch.empty(len(self._streams), *shape, dtype=self._dtype, device=self._device)
        for row, stream in zip(out, self._streams, strict=True):
            row.normal_(generator=stream)
        return out

    def uniform(self, shape: tuple[int, ...]) -> Float[Tensor, "B *shape"]:
        out = torch.empty(len(self._streams), *shape, dtype=self._dtype, device=self._device)
        for row, stream in zip(out, self._streams, strict=True):
            row.uniform_(generator=stream)
        return out
