"""Contracts of executors and representations."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ...data.ragged import own_mean
from ...interfaces import ProblemContext, Representation, Step
from ...types import HumanMotion
from .component import ComponentContract
from .problem import clip_alone, ended, make_problem, shortened
from .term import forbid_host_sync


class ProblemContract(ComponentContract):
    """Builds on a small synthetic problem."""

    clips: ClassVar[int] = 2
    frames: ClassVar[int] = 12

    def context(self) -> ProblemContext:
        return make_problem(self.clips, self.frames, host=self.registry())


def weighed(part: Tensor) -> Tensor:
    """A weighted sum in which no symmetry cancels."""
    return (part * torch.linspace(0.5, 1.5, part.numel(), dtype=part.dtype).view_as(part).cos()).sum()


class ExecutorContract(ProblemContract):
    """Set ``name``, and ``device`` if it does not run on the CPU."""

    kind = "executor"
    device: ClassVar[str] = "cpu"

    def context(self) -> ProblemContext:
        return make_problem(self.clips, self.frames, host=self.registry(), device=self.device)

    def _check(self, capturable: bool) -> None:
        """Compare ten calls of the prepared step, with inputs that change in place and random draws, with plain
        calls."""
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


class RepresentationContract(ProblemContract):
    """Set ``name``. ``tolerance``: absolute difference (m, matrix elements) allowed between a clip alone and the
    same clip in a batch, before and after a few steps of the optimiser."""

    kind = "representation"
    tolerance: ClassVar[float] = 1e-4

    def test_motion_is_well_formed(self) -> None:
        motion = self.build().motion()
        assert motion.pose.shape == (self.clips, self.frames, 24, 3, 3), f"pose has shape {tuple(motion.pose.shape)}"
        assert motion.trans.shape == (self.clips, self.frames, 3), f"trans has shape {tuple(motion.trans.shape)}"
        assert motion.betas.shape == (self.clips, 10), f"betas has shape {tuple(motion.betas.shape)}"
        product = motion.pose @ motion.pose.mT
        torch.testing.assert_close(product, torch.eye(3).expand_as(product), rtol=0.0, atol=1e-4)
        assert (torch.linalg.det(motion.pose) > 0).all(), "pose holds reflections"

    def test_variables_are_leaves_with_leading_clips(self) -> None:
        named = self.build().variables()
        missing = {"pose", "orient", "trans"} - set(named)
        assert not missing, f"no variables called {sorted(missing)}; recipes free them by these names"
        for name, leaves in named.items():
            for leaf in leaves:
                assert leaf.is_leaf and leaf.is_floating_point(), f"{name}: not a leaf of floating-point type"
                assert leaf.shape[0] == self.clips, f"{name}: leading dimension {leaf.shape[0]}, not {self.clips}"

    def test_gradients_are_finite_and_each_part_moves(self) -> None:
        ctx = self.context()
        representation = self.build(ctx)
        _descend(representation, ctx, 2)
        named = {name: list(leaves) for name, leaves in representation.variables().items()}
        for leaf in (leaf for leaves in named.values() for leaf in leaves):
            leaf.requires_grad_(True)
        motion = representation.motion()
        for name in ("pose", "orient", "trans"):
            part = {"pose": motion.pose[:, :, 1:], "orient": motion.pose[:, :, 0], "trans": motion.trans}[name]
            grads = torch.autograd.grad(weighed(part), named[name], retain_graph=True, allow_unused=True)
            found = [grad for grad in grads if grad is not None]
            assert found and any(grad.abs().sum() > 0 for grad in found), f"'{name}' does not move what it names"
            assert all(grad.isfinite().all() for grad in found), f"gradient of '{name}' is not finite"

    def test_frames_beyond_a_clip_change_nothing(self) -> None:
        """If the config says ``ragged``: the same motion after a few steps."""
        if not self.config().ragged:
            return
        frames = self.frames - 3
        ctx = ended(self.context(), frames)
        short = shortened(ctx, frames)
        found = []
        for each in (ctx, short):
            representation = self.build(each)
            _descend(representation, each, 3)
            found.append(representation.motion())
        for name in ("pose", "trans"):
            longer, alone = (getattr(motion, name) for motion in found)
            torch.testing.assert_close(longer[:, :frames], alone, rtol=0.0, atol=self.tolerance)

    def test_steps_leave_the_initial_motion_alone_and_approach_it(self) -> None:
        ctx = self.context()
        pose, trans = ctx.initial.pose.clone(), ctx.initial.trans.clone()
        representation = self.build(ctx)
        with torch.no_grad():
            before = _distance(representation, ctx).sum()
        _descend(representation, ctx, 30)
        with torch.no_grad():
            after = _distance(representation, ctx).sum()
        assert after < before or before < 1e-6, f"30 steps towards the initial motion went from {before} to {after}"
        assert torch.equal(ctx.initial.pose, pose) and torch.equal(ctx.initial.trans, trans), "ctx.initial was changed"

    def test_shift_moves_the_translation_and_nothing_else(self) -> None:
        representation = self.build()
        before = representation.motion()
        delta = torch.linspace(-1.0, 2.0, self.clips * self.frames * 3).reshape(self.clips, self.frames, 3)
        representation.shift(delta)
        after = representation.motion()
        torch.testing.assert_close(after.trans.detach(), before.trans.detach() + delta, rtol=0.0, atol=1e-5)
        torch.testing.assert_close(after.pose.detach(), before.pose.detach(), rtol=0.0, atol=0.0)

    def test_clip_in_a_batch_equals_clip_alone(self) -> None:
        steps = 5
        ctx = self.context()
        together = self.build(ctx)
        _descend(together, ctx, steps)
        for k in range(self.clips):
            single = clip_alone(self.context(), k)
            alone = self.build(single)
            _descend(alone, single, steps)
            for part in ("pose", "trans"):
                one, many = getattr(alone.motion(), part)[0], getattr(together.motion(), part)[k]
                torch.testing.assert_close(one.detach(), many.detach(), rtol=0.0, atol=self.tolerance)

    def test_building_twice_gives_the_same_start(self) -> None:
        one, two = self.build().motion(), self.build().motion()
        assert torch.equal(one.pose, two.pose) and torch.equal(one.trans, two.trans), "the start is not reproducible"

    def test_host_does_not_wait(self) -> None:
        representation = self.build()
        with forbid_host_sync():
            representation.motion()


def _distance(representation: Representation, ctx: ProblemContext) -> Tensor:
    motion: HumanMotion = representation.motion()
    turned = (motion.pose - ctx.initial.pose).square().flatten(2).mean(2)
    return own_mean(turned + (motion.trans - ctx.initial.trans).square().mean(2), ctx.own)


def _descend(representation: Representation, ctx: ProblemContext, steps: int) -> None:
    """Minimise the distance from the initial motion with Adam, all variables free. Gradients are cleared afterwards."""
    leaves = [leaf.requires_grad_(True) for group in representation.variables().values() for leaf in group]
    optimiser = torch.optim.Adam(leaves, lr=3e-3)
    for _ in range(steps):
        optimiser.zero_grad()
        _distance(representation, ctx).sum().backward()
        optimiser.step()
    for leaf in leaves:
        leaf.requires_grad_(False)
        leaf.grad = None
