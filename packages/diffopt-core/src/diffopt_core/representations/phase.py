"""What the field reads: the phase, its encodings, and the learned monotone warp."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def phase(frames: int, like: Tensor) -> Float[Tensor, "1 T 1"]:
    """``tau`` of eq. 5: 0 at the first frame, 1 at the last."""
    return torch.linspace(0.0, 1.0, frames, dtype=like.dtype, device=like.device)[None, :, None]


def warp(
    tau: Float[Tensor, "1 T 1"], shifts: Float[Tensor, "B K"], scales: Float[Tensor, "B K"]
) -> Float[Tensor, "B T 1"]:
    """Monotone map of [0, 1] onto itself: the mean of ``sigmoid(scale (tau - shift))``, less its value at 0, over
    its rise. Monotone while the scales are positive, so their sizes are what counts."""

    def rise(at: Tensor) -> Tensor:
        return (scales.unsqueeze(1).abs() * (at - shifts.unsqueeze(1))).sigmoid().mean(-1, keepdim=True)

    start, end = rise(torch.zeros_like(tau[:, :1])), rise(torch.ones_like(tau[:, :1]))
    return (rise(tau) - start) / (end - start).clamp_min(1e-6)


def fourier(tau: Float[Tensor, "*b T 1"], frequencies: int) -> Float[Tensor, "*b T F"]:
    """``2 tau - 1`` and the sines and cosines of ``2^k pi tau``; ``F = 1 + 2 frequencies``."""
    octaves = 2.0 ** torch.arange(frequencies, dtype=tau.dtype, device=tau.device)
    angle = torch.pi * tau * octaves
    return torch.cat([2 * tau - 1, angle.sin(), angle.cos()], dim=-1)


def radial(
    tau: Float[Tensor, "*#b T 1"], centres: Float[Tensor, "*#b 1 K"], log_widths: Float[Tensor, "*#b 1 K"], kernel: str
) -> Float[Tensor, "*b T K"]:
    """Radial basis functions of ``d = (tau - centre)^2 / width``, each with a width of its own.

    NeMo hands the squared distance to its kernels, so ``quadratic`` is the fourth power of the distance,
    ``linear`` the square, and ``gaussian`` is ``exp(-d^2)``.
    """
    distance = (tau - centres).square() / log_widths.exp()
    if kernel == "linear":
        return distance
    return distance.square() if kernel == "quadratic" else (-distance.square()).exp()
