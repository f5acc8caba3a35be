"""Networks that hold one set of weights a clip: every layer is one batched product for all clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass
class BatchedMLP:
    """``weights[k]`` is ``B out in`` and ``biases[k]`` is ``B 1 out``, as in ``torch.nn.Linear`` with a leading B; or
    ``B K out in`` and ``B K 1 out``, which read ``(B K) T in``. The non-linearity follows every layer but the last.
    """

    weights: list[Tensor]
    biases: list[Tensor]
    activation: str = "relu"

    def __call__(self, x: Float[Tensor, "BK T inputs"]) -> Float[Tensor, "BK T outputs"]:
        act = torch.relu if self.activation == "relu" else torch.nn.functional.silu
        last = len(self.weights) - 1
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias.flatten(0, -3), x, weight.flatten(0, -3).mT)
            if k < last:
                x = act(x)
        return x

    def leaves(self) -> list[Tensor]:
        return [*self.weights, *self.biases]


def initial_mlp(sizes: Sequence[int], clips: int, generator: torch.Generator, activation: str) -> BatchedMLP:
    """Weights and biases uniform in ``+-1 / sqrt(inputs)``, drawn once on the CPU and repeated for every clip.

    Every clip starts from the same weights, so what a clip starts from does not depend on its neighbours.
    """
    weights, biases = [], []
    for fan_in, fan_out in pairwise(sizes):
        bound = 1.0 / sqrt(fan_in)
        weight = torch.empty(fan_out, fan_in, dtype=torch.float64).uniform_(-bound, bound, generator=generator)
        bias = torch.empty(1, fan_out, dtype=torch.float64).uniform_(-bound, bound, generator=generator)
        weights.append(weight.expand(clips, -1, -1).clone())
        biases.append(bias.expand(clips, -1, -1).clone())
    return BatchedMLP(weights, biases, activation)
