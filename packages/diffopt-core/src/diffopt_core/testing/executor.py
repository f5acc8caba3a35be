"""Contract of executors."""

from __future__ import annotations

import torch
from torch import Tensor

from .on_problem import ProblemContract


class ExecutorContract(ProblemContract):
    """Set ``name``."""

    kind = "executor"

    def test_prepared_step_does_what_the_step_does(self) -> None:
        leaf = torch.tensor([1.0, -2.0], requires_grad=True)
        state = {"scale": torch.tensor(1.0)}

        def step() -> Tensor:
            value = state["scale"] * leaf.square()
            leaf.grad = torch.autograd.grad(value.sum(), [leaf])[0]
            return value.detach()

        for capturable in (True, False):
            run = self.build().prepare(step, capturable)
            for scale in (1.0, 3.0):
                state["scale"].fill_(scale)
                torch.testing.assert_close(run(), torch.tensor([1.0, 4.0]) * scale)
                torch.testing.assert_close(leaf.grad, torch.tensor([2.0, -4.0]) * scale)
