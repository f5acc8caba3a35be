"""The tensors that a run may optimise, by name, and which of them a block frees at which rate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

import torch
from torch import Tensor

from .errors import UnknownName


class Variables:
    """Leaf tensors by dotted name (``motion.pose``, ``camera.scale``, ``prior.z``), each with leading ``B``."""

    def __init__(self) -> None:
        self._leaves: dict[str, list[Tensor]] = {}

    def add(self, owner: str, tensors: Mapping[str, Iterable[Tensor]]) -> None:
        for name, leaves in tensors.items():
            self._leaves[f"{owner}.{name}"] = list(leaves)

    def names(self) -> list[str]:
        return list(self._leaves)

    def all(self) -> list[Tensor]:
        return [leaf for leaves in self._leaves.values() for leaf in leaves]

    def free(self, patterns: Iterable[str]) -> dict[str, list[Tensor]]:
        """Names and leaves that any pattern matches; a pattern that matches nothing is an error."""
        chosen: dict[str, list[Tensor]] = {}
        for pattern in patterns:
            hits = {name: leaves for name, leaves in self._leaves.items() if fnmatchcase(name, pattern)}
            if not hits:
                raise UnknownName("variable in `free`", pattern, self._leaves)
            chosen.update(hits)
        return chosen

    def rated(self, patterns: Iterable[str], lr: float | Mapping[str, float]) -> tuple[list[Tensor], list[float]]:
        """Free leaves, and each one's learning rate: that of the longest pattern that matches its variable."""
        free = [(leaf, _rate(name, lr)) for name, leaves in self.free(patterns).items() for leaf in leaves]
        return [leaf for leaf, _ in free], [rate for _, rate in free]

    def snapshot(self) -> list[Tensor]:
        return [leaf.detach().clone() for leaf in self.all()]

    @torch.no_grad()
    def restore(self, snapshot: list[Tensor], where: Tensor) -> None:
        """Write ``snapshot`` back into the clips ``where`` (bool, ``B``)."""
        for leaf, old in zip(self.all(), snapshot, strict=True):
            mask = where.view(-1, *[1] * (leaf.ndim - 1))
            leaf.copy_(torch.where(mask, old, leaf))

    def finite(self) -> Tensor:
        """Clips whose variables are all finite: bool ``B``."""
        return torch.stack([torch.isfinite(leaf).flatten(1).all(1) for leaf in self.all()]).all(0)


def _rate(name: str, lr: float | Mapping[str, float]) -> float:
    if not isinstance(lr, Mapping):
        return lr
    hits = [pattern for pattern in lr if fnmatchcase(name, pattern)]
    if not hits:
        raise UnknownName("rate for variable", name, lr)
    return lr[max(hits, key=len)]
