"""Adam for the leaves of a solve, in the arithmetic of ``torch.optim.Adam(foreach=True)``, bit for bit.

Making an optimizer of torch imports its compiler and sympy: more CPU time than importing torch itself.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor

_BETA1, _BETA2, _EPS = 0.9, 0.999, 1e-8


class Adam:
    """Kingma and Ba 2015, algorithm 1, for leaves that all get a gradient at every step. The host alone counts the
    steps, so that none waits for the device.

    ``leaves``: tensors of one dtype and device. ``rates``: learning rate of each.
    """

    def __init__(self, leaves: list[Tensor], rates: list[float]) -> None:
        self.leaves, self.rates, self.steps = leaves, rates, 0
        self.mean = [torch.zeros_like(leaf, memory_format=torch.preserve_format) for leaf in leaves]
        self.square = [torch.zeros_like(leaf, memory_format=torch.preserve_format) for leaf in leaves]

    def slow_down(self, factor: float) -> None:
        """Multiply every learning rate."""
        self.rates = [rate * factor for rate in self.rates]

    @torch.no_grad()
    def step(self, grads: list[Tensor]) -> None:
        """Move every leaf in place by its gradient, which has its shape."""
        self.steps += 1
        torch._foreach_lerp_(self.mean, grads, 1 - _BETA1)
        torch._foreach_mul_(self.square, _BETA2)
        torch._foreach_addcmul_(self.square, grads, grads, 1 - _BETA2)
        seen = 1 - _BETA1**self.steps
        denominator = torch._foreach_sqrt(self.square)
        torch._foreach_div_(denominator, sqrt(1 - _BETA2**self.steps))
        torch._foreach_add_(denominator, _EPS)
        torch._foreach_addcdiv_(self.leaves, self.mean, denominator, [-(rate / seen) for rate in self.rates])
