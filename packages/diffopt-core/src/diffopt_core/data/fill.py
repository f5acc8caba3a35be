"""Interpolation over frames in which the person was not found."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .rotation import slerp


def neighbours(valid: Bool[Tensor, "T"]) -> tuple[Int[Tensor, "T"], Int[Tensor, "T"], Float[Tensor, "T"]]:
    """For each frame the valid frames before and after it, and its relative position between them, in [0, 1].

    A valid frame is its own neighbour; before the first and after the last valid frame, that frame is used. At least
    one frame must be valid.
    """
    frames = torch.arange(len(valid))
    found = frames[valid]
    before, after, share = between(found, frames)
    return found[before], found[after], share


def between(
    known: Int[Tensor, "N"], wanted: Int[Tensor, "T"]
) -> tuple[Int[Tensor, "T"], Int[Tensor, "T"], Float[Tensor, "T"]]:
    """For each wanted number the indices of the increasing ``known`` numbers before and after it, and its relative
    position between them, in [0, 1], float64. A known number is its own neighbour; beyond the ends the nearest one is
    used."""
    after = torch.searchsorted(known, wanted).clamp_max(len(known) - 1)
    before = (torch.searchsorted(known, wanted, right=True) - 1).clamp_min(0)
    length = (known[after] - known[before]).clamp_min(1)
    share = (wanted - known[before]).double() / length
    return before, after, share.clamp(0.0, 1.0)


def fill_linear(values: Float[Tensor, "T *n"], valid: Bool[Tensor, "T"]) -> Float[Tensor, "T *n"]:
    """``values`` with invalid frames interpolated linearly between their valid neighbours."""
    a, b, share = neighbours(valid)
    share = share.reshape(-1, *[1] * (values.dim() - 1)).to(values.dtype)
    filled = torch.lerp(values[a], values[b], share)
    return torch.where(valid.reshape(share.shape), values, filled)


def fill_rotations(values: Float[Tensor, "T *n 3 3"], valid: Bool[Tensor, "T"]) -> Float[Tensor, "T *n 3 3"]:
    """``values`` with invalid frames interpolated by slerp between their valid neighbours."""
    gaps = (~valid).nonzero().squeeze(-1)
    if len(gaps) == 0:
        return values
    a, b, share = neighbours(valid)
    share = share[gaps].reshape(-1, *[1] * (values.dim() - 3)).to(values.dtype)
    filled = values.clone()
    filled[gaps] = slerp(values[a[gaps]], values[b[gaps]], share.expand(values[gaps].shape[:-2]))
    return filled
