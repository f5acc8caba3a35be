"""Contract of executors."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ...interfaces import ProblemContext, Step
from .on_problem import ProblemContract
from .problem import make_problem


class ExecutorContract(ProblemContract):
    """Set ``name``, and ``device`` where it needs another than the CPU."""

    kind = "executor"
    device: ClassVar[str] = "cpu"

    def context(self) -> ProblemContext:
        return make_problem(self.clips, self.frames, host=self.registry(), device=self.device)

    def _check(self, capturable: bool) -> None:
        """Ten calls, with numbers that change in place and random draws, against the same step called plainly."""
        ctx, alike = self.context(), self.context()
        leaf = torch.tensor([1.0, -2.0, 0.5], device=self.device, requires_grad=True)
        scale = torch.tensor(1.0, device=self.device)

        def step_of(problem: ProblemContext) -> Step:
            def step() -> tuple[Tensor, ...]:
                value = scale * (leaf.square() + leaf * problem.noise.normal((3,))).sum(-1)
                return value.detach(), *torch.autograd.grad(value.sum(), [leaf])

            return step

        run, plain = self.build(ctx).prepare(step_of(ctx), capturable), step_of(alike)
        for call in range(10):
            if call == 6:  # the next stage
                ctx.noise.restart(1)  # type: ignore[attr-defined]
                alike.noise.restart(1)  # type: ignore[attr-defined]
            scale.fill_(1.0 + call)
            for got, wanted in zip(run(), plain(), strict=True):
                torch.testing.assert_close(got, wanted)
            with torch.no_grad():
                leaf.mul_(0.9)

    def test_prepared_step_does_what_the_step_does(self) -> None:
        self._check(capturable=True)

    def test_so_does_one_that_cannot_be_captured(self) -> None:
        self._check(capturable=False)
