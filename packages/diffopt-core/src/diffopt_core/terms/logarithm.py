"""A logarithm that an optimiser may step across zero."""

from __future__ import annotations

from math import log

import torch
from torch import Tensor


def soft_log(scale: Tensor, least: float = 0.01) -> Tensor:
    """``log(scale)``, continued below ``least`` by its tangent, so that a scale gone negative is pulled back."""
    tangent = log(least) + (scale - least) / least
    return torch.where(scale > least, scale.clamp_min(least).log(), tangent)
