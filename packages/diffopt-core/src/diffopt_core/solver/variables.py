"""The optimised variables: leaf tensors by name, the camera residual (sec. 3.3.2), and the optimiser (Adam)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from math import sqrt

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..data.ragged import own_mean
from ..data.rotation import columns_to_matrix, matrix_to_columns
from ..errors import UnknownName
from ..host.recipe import CameraSpec
from ..types import CameraTrajectory

_BETA1, _BETA2, _EPS = 0.9, 0.999, 1e-8


class Adam:
    """Kingma and Ba 2015, algorithm 1, for leaves that all get a gradient at every step. Steps are counted on the host,
    so that no step waits for the device. The arithmetic equals ``torch.optim.Adam(foreach=True)`` bit for bit; creating
    that one imports torch's compiler and sympy, which takes longer than importing torch itself. The moments of all
    leaves lie in one tensor, because most leaves are small and many.

    ``leaves``: tensors of one dtype and device. ``rates``: learning rate of each.
    """

    def __init__(self, leaves: list[Tensor], rates: list[float]) -> None:
        self.leaves, self.rates, self.steps = leaves, rates, 0
        like, count = leaves[0], sum(leaf.numel() for leaf in leaves)
        self.mean, self.square, self._root = (like.new_zeros(count) for _ in range(3))
        sizes = [leaf.numel() for leaf in leaves]
        shapes = [leaf.shape for leaf in leaves]
        self._means, self._roots = (
            [part.view(shape) for part, shape in zip(flat.split(sizes), shapes, strict=True)]
            for flat in (self.mean, self._root)
        )

    def slow_down(self, factor: float) -> None:
        """Multiply every learning rate."""
        self.rates = [rate * factor for rate in self.rates]

    @torch.no_grad()
    def step(self, grads: list[Tensor]) -> None:
        """Update every leaf in place; ``grads`` have the leaves' shapes."""
        self.steps += 1
        flat = torch.cat([grad.reshape(-1) for grad in grads])
        self.mean.lerp_(flat, 1 - _BETA1)
        self.square.mul_(_BETA2).addcmul_(flat, flat, value=1 - _BETA2)
        seen = 1 - _BETA1**self.steps
        torch.sqrt(self.square, out=self._root).div_(sqrt(1 - _BETA2**self.steps)).add_(_EPS)
        torch._foreach_addcdiv_(self.leaves, self._means, self._roots, [-(rate / seen) for rate in self.rates])


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
        """Leaves whose names match any pattern, by name; a pattern that matches nothing is an error."""
        chosen: dict[str, list[Tensor]] = {}
        for pattern in patterns:
            hits = {name: leaves for name, leaves in self._leaves.items() if fnmatchcase(name, pattern)}
            if not hits:
                raise UnknownName("variable in `free`", pattern, self._leaves)
            chosen.update(hits)
        return chosen

    def rated(self, patterns: Iterable[str], lr: float | Mapping[str, float]) -> tuple[list[Tensor], list[float]]:
        """Free leaves and their learning rates: the rate of the longest pattern that matches the variable."""
        free = [(leaf, _rate(name, lr)) for name, leaves in self.free(patterns).items() for leaf in leaves]
        return [leaf for leaf, _ in free], [rate for _, rate in free]

    def snapshot(self) -> list[Tensor]:
        return [leaf.detach().clone() for leaf in self.all()]

    @torch.no_grad()
    def restore(self, snapshot: list[Tensor], where: Tensor) -> None:
        """Restore the clips ``where`` (bool, ``B``) from ``snapshot``."""
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


#: A path with less extent than this (m) has no scale to keep.
_STANDING = 0.02


class CameraResidual:
    """``R = ortho(R_SLAM + b_R)`` in 6D, ``t = t_SLAM s_t + b_t``, ``f = f_SLAM s_f`` (sec. 3.3.2).

    Two points are open in the paper. The sum of a rotation and a bias is not a rotation: Gram-Schmidt on its two
    columns makes it one. And ``t`` depends on the world's origin: here it is taken relative to the first camera, so
    that ``s_t`` scales the camera's path and leaves its start in place.

    A path in metres keeps its scale: ``s_t`` is then not free, but compensates any scaling by ``b_t``.

    ``own``: mask of each clip's own frames; None: all are.

    ``variables()``: rotation ``B T 6``, scale ``B T 1``, translation ``B T 3`` (m), focal ``B T 1``; ``T`` is 1
    for parts that :class:`CameraSpec` makes one value per clip.
    """

    def __init__(self, base: CameraTrajectory, spec: CameraSpec, own: Bool[Tensor, "B T"] | None = None):
        self.base, self.own = base, own
        clips, frames = base.t.shape[:2]

        def zeros(per: str, size: int) -> Tensor:
            return base.t.new_zeros(clips, frames if per == "frame" else 1, size)

        self._rotation = zeros(spec.rotation, 6)
        self._scale = zeros(spec.scale, 1) + 1.0
        self._translation = zeros(spec.translation, 3)
        self._focal = zeros(spec.focal, 1) + 1.0

    def variables(self) -> dict[str, list[Tensor]]:
        return {
            "rotation": [self._rotation],
            "scale": [self._scale],
            "translation": [self._translation],
            "focal": [self._focal],
        }

    def residual(self) -> dict[str, Tensor]:
        """The four residual tensors by name, for the terms that regularise them."""
        return {name: leaves[0] for name, leaves in self.variables().items()}

    def camera(self) -> CameraTrajectory:
        """The corrected trajectory, ``B T``."""
        base = self.base
        origin = base.position[:, :1]
        R = columns_to_matrix(matrix_to_columns(base.R) + self._rotation)
        about_origin = base.t + (base.R @ origin.unsqueeze(-1)).squeeze(-1)
        moved = about_origin * (self._undo_stretch() if base.metric else self._scale) + self._translation
        t = moved - (R @ origin.unsqueeze(-1)).squeeze(-1)
        return replace(base, R=R, t=t, focal=base.focal * self._focal)

    def _undo_stretch(self) -> Float[Tensor, "B 1 1"]:
        """The factor of the given path that keeps its scale with ``b_t`` added (the least-squares slope of the
        corrected path over the given one is 1)."""
        place, own = self.base.position, self.own
        path = place - own_mean(place, own).unsqueeze(1)
        path = path if own is None else path * own.unsqueeze(-1)
        added = -(self.base.R.mT @ self._translation.expand_as(path).unsqueeze(-1)).squeeze(-1)
        room = path.shape[1] * _STANDING**2 if own is None else own.sum(1)[:, None, None] * _STANDING**2
        slope = (added * path).sum((1, 2), keepdim=True) / (path.square().sum((1, 2), keepdim=True) + room)
        return 1 - slope + 0 * self._scale.mean(1, keepdim=True)  # the scale stays a leaf of the graph

    @torch.no_grad()
    def rescale(self, scale: Float[Tensor, "B"]) -> Float[Tensor, "B T 3"]:
        """Scale the given path about its first camera, with one factor per clip, and reset the residual. Returns the
        displacement of each camera centre, m.
        """
        base = self.base
        origin = base.position[:, :1]
        moved = (scale[:, None, None] - 1.0) * (base.position - origin)
        base.t.sub_((base.R @ moved.unsqueeze(-1)).squeeze(-1))
        self._scale.fill_(1.0)
        self._translation.zero_()
        return moved
