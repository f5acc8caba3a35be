"""Least-squares alignment that refuses to answer where the answer is arbitrary."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.geometry import align, transform
from .evidence import NotScorable

#: Below this ratio of singular values a rotation is a matter of rounding.
_UNIQUE = 1e-9


def fitted(
    source: Float[Tensor, "*b N 3"], target: Float[Tensor, "*b N 3"], scale: bool
) -> tuple[Float[Tensor, "*b 3 3"], Float[Tensor, "*b 3"], Float[Tensor, "*b"]]:
    """Umeyama ``R, t, s`` from source to target, never a reflection; NotScorable where R is not unique.

    With D = diag(1, 1, det), the optimum is unique if and only if ``sigma_2 + det sigma_3 > 0`` for the singular
    values of the cross-covariance (Umeyama 1991, lemma): not so for points on a line or all in one place.
    """
    cross = (target - target.mean(-2, keepdim=True)).mT @ (source - source.mean(-2, keepdim=True))
    sigma = torch.linalg.svdvals(cross)
    gap = sigma[..., 1] + torch.linalg.det(cross).sign() * sigma[..., 2]
    bad = ~(gap > _UNIQUE * sigma[..., 0])
    if bad.any():
        where = f" in frame {int(bad.nonzero()[0])}" if bad.ndim else ""
        raise NotScorable(f"the points coincide or lie on a line{where}: their alignment is not unique")
    return align(source, target, scale)


def aligned(source: Float[Tensor, "*b N 3"], target: Float[Tensor, "*b N 3"], scale: bool) -> Float[Tensor, "*b N 3"]:
    """Source moved onto target, fitted on all points."""
    return transform(source, *fitted(source, target, scale))


def aligned_by(
    fit_source: Float[Tensor, "F M 3"], fit_target: Float[Tensor, "F M 3"], points: Float[Tensor, "T N 3"], scale: bool
) -> Float[Tensor, "T N 3"]:
    """Points moved by the one transform that is fitted on all frames and points of ``fit_*`` together."""
    return transform(points, *fitted(fit_source.reshape(-1, 3), fit_target.reshape(-1, 3), scale))
