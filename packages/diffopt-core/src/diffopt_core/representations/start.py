"""Where a representation starts from: means of the initial motion over its valid frames."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..rotation import nearest_rotation


def _weights(valid: Bool[Tensor, "B T"], like: Tensor) -> Float[Tensor, "B T"]:
    """Weights that sum to 1; all frames count where none is valid."""
    weight = valid.to(like.dtype)
    weight = torch.where(valid.any(1, keepdim=True), weight, torch.ones_like(weight))
    return weight / weight.sum(1, keepdim=True)


def mean_rotation(pose: Float[Tensor, "B T J 3 3"], valid: Bool[Tensor, "B T"]) -> Float[Tensor, "B J 3 3"]:
    """Chordal mean: the rotation nearest to the mean matrix."""
    return nearest_rotation(torch.einsum("bt,btjmn->bjmn", _weights(valid, pose), pose))


def mean_translation(trans: Float[Tensor, "B T 3"], valid: Bool[Tensor, "B T"]) -> Float[Tensor, "B 1 3"]:
    """Mean position, m."""
    return torch.einsum("bt,btk->bk", _weights(valid, trans), trans).unsqueeze(1)
