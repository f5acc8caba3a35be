"""One network per clip as batched layers; encodings of the phase; the initial motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ...data.invariant import product
from ...data.rotation import nearest_rotation


@dataclass
class BatchedMLP:
    """``weights[k]`` is ``B out in`` and ``biases[k]`` is ``B 1 out``, as in ``torch.nn.Linear`` with a leading B; or
    ``B K out in`` and ``B K 1 out``, which read ``(B K) in T``. The non-linearity follows every layer but the last.
    """

    weights: list[Tensor]
    biases: list[Tensor]
    activation: str = "relu"

    def __call__(self, x: Float[Tensor, "BK inputs T"]) -> Float[Tensor, "BK outputs T"]:
        act = torch.relu if self.activation == "relu" else torch.nn.functional.silu
        last = len(self.weights) - 1
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = product(weight.flatten(0, -3), x, bias.flatten(0, -3).mT)
            if k < last:
                x = act(x)
        return x

    def leaves(self) -> list[Tensor]:
        return [*self.weights, *self.biases]


def initial_mlp(sizes: Sequence[int], clips: int, generator: torch.Generator, activation: str) -> BatchedMLP:
    """Weights and biases uniform in ``+-1 / sqrt(inputs)``, drawn once on the CPU and copied to every clip.

    All clips start from the same weights, so a clip's start does not depend on the batch.
    """
    weights, biases = [], []
    for fan_in, fan_out in pairwise(sizes):
        bound = 1.0 / sqrt(fan_in)
        weight = torch.empty(fan_out, fan_in, dtype=torch.float64).uniform_(-bound, bound, generator=generator)
        bias = torch.empty(1, fan_out, dtype=torch.float64).uniform_(-bound, bound, generator=generator)
        weights.append(weight.expand(clips, -1, -1).clone())
        biases.append(bias.expand(clips, -1, -1).clone())
    return BatchedMLP(weights, biases, activation)


def phase(frames: int, like: Tensor, lengths: Sequence[int] | None = None) -> Float[Tensor, "*#b T 1"]:
    """``tau`` of eq. 5: 0 at the first frame, 1 at the last. ``lengths``: of each clip, if they differ; beyond its end
    it stays 1."""
    if lengths is None:
        return torch.linspace(0.0, 1.0, frames, dtype=like.dtype, device=like.device)[None, :, None]
    each = [phase(length, like) for length in lengths]
    return torch.cat([torch.nn.functional.pad(tau, (0, 0, 0, frames - tau.shape[1]), value=1.0) for tau in each])


def warp(
    tau: Float[Tensor, "*#b T 1"], shifts: Float[Tensor, "B K"], scales: Float[Tensor, "B K"]
) -> Float[Tensor, "B T 1"]:
    """Monotone map of [0, 1] onto itself: the mean of ``sigmoid(scale (tau - shift))``, normalised to 0 and 1 at the
    ends. It is monotone for positive scales, so their absolute values are used."""

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
    """Radial basis functions of ``d = (tau - centre)^2 / width``, each with its own width.

    NeMo passes the squared distance to its kernels, so ``quadratic`` is the fourth power of the distance, ``linear``
    the square, and ``gaussian`` is ``exp(-d^2)``.
    """
    distance = (tau - centres).square() / log_widths.exp()
    if kernel == "linear":
        return distance
    return distance.square() if kernel == "quadratic" else (-distance.square()).exp()


def _weights(valid: Bool[Tensor, "B T"], like: Tensor) -> Float[Tensor, "B T"]:
    """Frame weights that sum to 1; all frames are used if none is valid."""
    weight = valid.to(like.dtype)
    weight = torch.where(valid.any(1, keepdim=True), weight, torch.ones_like(weight))
    return weight / weight.sum(1, keepdim=True)


def mean_rotation(pose: Float[Tensor, "B T J 3 3"], valid: Bool[Tensor, "B T"]) -> Float[Tensor, "B J 3 3"]:
    """Chordal mean: the rotation nearest to the mean matrix."""
    return nearest_rotation(torch.einsum("bt,btjmn->bjmn", _weights(valid, pose), pose))


def mean_translation(trans: Float[Tensor, "B T 3"], valid: Bool[Tensor, "B T"]) -> Float[Tensor, "B 1 3"]:
    """Mean position, m."""
    return torch.einsum("bt,btk->bk", _weights(valid, trans), trans).unsqueeze(1)
