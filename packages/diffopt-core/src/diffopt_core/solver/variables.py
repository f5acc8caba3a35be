"""The optimised variables: leaf tensors by name, the camera residual (sec. 3.3.2), and the optimiser (Adam)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..data.ragged import own_mean
from ..data.rotation import columns_to_matrix, matrix_to_columns
from ..errors import UnknownName
from ..host.recipe import CameraSpec
from ..types import CameraTrajectory

#: Elements that torch's kernel takes at once; the last of a tensor, if fewer, take other code, with other last bits.
_BLOCK = 16


class Adam:
    """Kingma and Ba 2015, algorithm 1, for leaves that all get a gradient at every step: torch's fused kernel, which
    reads and writes everything once. ``torch.optim.Adam(fused=True)`` calls it, too, but creating that one imports
    torch's compiler and sympy, which takes longer than importing torch itself. No step waits for the device.

    A leaf whose clips are no whole blocks, or which is a view, is updated in a padded copy, so that a clip's bits do
    not depend on the others.

    ``leaves``: tensors of one dtype and device with leading ``B``. ``rates``: learning rate of each.
    """

    def __init__(self, leaves: list[Tensor], rates: list[float]) -> None:
        self.leaves, self.rates = leaves, rates
        self.steps = torch.zeros((), device=leaves[0].device)
        whole = [leaf.is_contiguous() and leaf[0].numel() % _BLOCK == 0 for leaf in leaves]
        self._values = [leaf if all_of else _padded(leaf) for leaf, all_of in zip(leaves, whole, strict=True)]
        self._means, self._squares, self._grads = (list(map(torch.zeros_like, self._values)) for _ in range(3))
        self._odd = [k for k, all_of in enumerate(whole) if not all_of]
        self._inside, self._given = (
            [flat[k][: leaves[k].numel()].view(leaves[k].shape) for k in self._odd]
            for flat in (self._values, self._grads)
        )

    def slow_down(self, factor: float) -> None:
        """Multiply every learning rate."""
        self.rates = [rate * factor for rate in self.rates]

    @torch.no_grad()
    def step(self, grads: list[Tensor]) -> None:
        """Update every leaf in place; ``grads`` have the leaves' shapes."""
        self.steps += 1
        odd = [self.leaves[k] for k in self._odd]
        if odd:
            torch._foreach_copy_([*self._inside, *self._given], [*odd, *(grads[k] for k in self._odd)])
        grads = [self._grads[k] if k in self._odd else grad.contiguous() for k, grad in enumerate(grads)]
        for rate in dict.fromkeys(self.rates):
            same = [k for k, own in enumerate(self.rates) if own == rate]
            values, given, means, squares = (
                [each[k] for k in same] for each in (self._values, grads, self._means, self._squares)
            )
            torch._fused_adam_(
                values, given, means, squares, [], [self.steps] * len(same), lr=rate, beta1=0.9, beta2=0.999,
                weight_decay=0.0, eps=1e-8, amsgrad=False, maximize=False,
            )  # fmt: skip
        if odd:
            torch._foreach_copy_(odd, self._inside)
        for leaf in self.leaves:
            torch.autograd.graph.increment_version(leaf)  # the kernel does not


def _padded(leaf: Tensor) -> Tensor:
    return leaf.new_zeros(-(-leaf.numel() // _BLOCK) * _BLOCK)


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
