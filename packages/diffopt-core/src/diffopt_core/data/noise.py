"""Random streams, one a clip, so that a batch repeats what each of its clips would see alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


class StreamNoise:
    """Implements :class:`diffopt_core.interfaces.Noise` with one generator a clip.

    ``restart(stage)`` rewinds every stream to a point that depends on seed and stage alone, so a stage gives the
    same numbers whatever ran before it.
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
