"""Fourth step: run the schedule of stages, rounds, blocks and steps. Table 1 of the paper is data of the recipe."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from ..common.memory import keep_freed
from ..host.recipe import BlockSpec, Recipe, StageSpec
from ..types import HumanMotion, copy_tensors, map_tensors
from .problem import Problem
from .scale import rescale
from .variables import Adam

#: Called a few times per stage: stage, steps done, total steps, mean of each term over the clips.
Report = Callable[[str, int, int, dict[str, float]], None]

#: Called between blocks if the solve is watched: stage, steps done, total steps, a function that reads the losses.
Watching = Callable[[str, int, int, Callable[[], dict[str, float]]], None]

#: How often per stage losses and finiteness are read from the device. In between, the host never waits for it.
_LOOKS = 12


@dataclass
class Log:
    """Loss terms of a stage: block -> (names, tensor ``steps terms B``)."""

    seconds: float = 0.0
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    values: dict[str, Tensor] = field(default_factory=dict)
    scale: list[Tensor] = field(default_factory=list)

    def close(self, blocks: list[_Block], began: float) -> Log:
        """Read the log from the device, once."""
        self.values = {block.name: block.values[: block.done].cpu() for block in blocks}
        for block in blocks:
            del block.step  # a recorded step holds device memory, and a reference cycle with its block
        self.seconds = time.perf_counter() - began
        return self

    def of_clip(self, index: int) -> dict[str, list[float]]:
        """Term -> values by step for one clip; a term of two blocks appears as ``block.term``."""
        out = {}
        for block, names in self.names.items():
            for k, name in enumerate(names):
                label = name if sum(name in other for other in self.names.values()) == 1 else f"{block}.{name}"
                out[label] = self.values[block][:, k, index].tolist()
        return out


@dataclass
class Outcome:
    """``diverged``: clips (bool ``B``) that became non-finite and were reset to their last finite state."""

    logs: dict[str, Log]
    diverged: Tensor
    causes: dict[int, str] = field(default_factory=dict)  # clip -> the terms that became non-finite first, and where


class _Ahead:
    """The motion after a step, with its graph: the blocks that leave the body alone see it, and the next step that
    moves the body starts from it, so that it is computed once."""

    def __init__(self, problem: Problem) -> None:
        self.representation = problem.representation
        self.leaves = [leaf for leaves in self.representation.variables().values() for leaf in leaves]
        self._motion: HumanMotion | None = None
        self._versions: list[int] = []

    def look(self) -> None:
        """Compute it now, under the leaves' own ``requires_grad``."""
        self._versions = [leaf._version for leaf in self.leaves]
        self._motion = self.representation.motion()

    def drop(self) -> None:
        """What is not a leaf was changed, too."""
        self._motion = None

    def get(self, keep: bool) -> HumanMotion:
        """The motion of the current variables; of a graph there is one use, so that is not kept."""
        motion = self._motion
        if motion is None or self._versions != [leaf._version for leaf in self.leaves]:
            motion, keep = self.representation.motion(), False
        if not keep:
            self._motion = None
        return motion


class _Block:
    """A block with its optimiser, for one stage."""

    def __init__(self, name: str, spec: BlockSpec, stage: StageSpec, problem: Problem, progress: Tensor, ahead: _Ahead):
        self.name, self.spec, self.problem, self.progress = name, spec, problem, progress
        self.ahead = ahead
        self.names = tuple(spec.terms)
        self.terms = [problem.terms[term] for term in self.names]
        self.weights = progress.new_tensor([spec.terms[term] for term in self.names])
        self.needs = frozenset().union(*(term.needs for term in self.terms))
        self.leaves, rates = problem.variables.rated(spec.free, spec.lr)
        self.optimiser = Adam(self.leaves, rates)
        motion = {id(leaf) for leaf in ahead.leaves}
        self.moves_body = any(id(leaf) in motion for leaf in self.leaves)
        self.held: HumanMotion | None = None
        self.values = progress.new_zeros(stage.rounds * spec.steps, len(self.names), len(problem.batch.clips))
        self.done = 0
        self.step = problem.executor.prepare(self._losses, all(term.capturable for term in self.terms))
        # a recorded step computes its own
        self.looks_ahead = self.moves_body and len(stage.blocks) > 1 and self.step == self._losses

    def _losses(self) -> tuple[Tensor, ...]:
        """Value of each term, ``terms B``, and the gradient of the weighted sum over all clips for each leaf."""
        motion = self.held if self.held is not None else self.ahead.get(keep=False)
        scene = self.problem.scene(motion, self.needs, self.progress)
        values = torch.stack([term.energy(scene) for term in self.terms])
        grads = torch.autograd.grad((self.weights @ values).sum(), self.leaves, allow_unused=True)
        held = zip(self.leaves, grads, strict=True)
        return values.detach(), *(torch.zeros_like(leaf) if grad is None else grad for leaf, grad in held)

    def run(self, steps: int, start: int, total: int) -> int:
        """Run ``steps`` steps; ``start`` and ``total`` count steps of the stage. Returns the new count."""
        for leaf in self.leaves:
            leaf.requires_grad_(True)
        if not self.moves_body:
            self._hold()
        for k in range(steps):
            self.progress.fill_((start + k) / total)
            self.values[self.done], *grads = self.step()
            self.optimiser.step(grads)
            self.done += 1
        if self.looks_ahead:
            self.ahead.look()
        for leaf in self.leaves:
            leaf.requires_grad_(False)
        return start + steps

    @torch.no_grad()
    def _hold(self) -> None:
        """Store the posed body in fixed tensors, because a recorded step may read them."""
        motion = self.ahead.get(keep=True)
        if self.held is None:
            self.held = map_tensors(motion, lambda value: value.detach().clone())
        else:
            copy_tensors(self.held, motion)

    def means(self) -> dict[str, float]:
        latest = self.values[max(self.done - 1, 0)].mean(-1).tolist()
        return dict(zip(self.names, latest, strict=True))


def solve(problem: Problem, recipe: Recipe, report: Report, watch: Watching | None = None) -> Outcome:
    """Run every scheduled stage. A clip that becomes non-finite is reset to its last finite state and stays there; if
    all have diverged, the solve stops."""
    keep_freed()
    logs: dict[str, Log] = {}
    causes: dict[int, str] = {}
    device = problem.ctx.device
    diverged = torch.zeros(len(problem.batch.clips), dtype=torch.bool, device=device)
    for leaf in problem.variables.all():
        leaf.requires_grad_(False)
    for number, (name, stage) in enumerate(recipe.stages):
        problem.noise.restart(number + 1)
        logs[name] = _run_stage(name, stage, problem, recipe, report, diverged, causes, watch)
        if bool(diverged.all()):
            break
    return Outcome(logs, diverged, causes)


def _run_stage(
    name: str, stage: StageSpec, problem: Problem, recipe: Recipe, report: Report, diverged: Tensor,
    causes: dict[int, str], watch: Watching | None,
) -> Log:  # fmt: skip
    """One stage. ``diverged`` and ``causes`` are updated in place."""
    began = time.perf_counter()
    progress = torch.zeros((), device=problem.ctx.device)
    ahead = _Ahead(problem)
    blocks = [_Block(block, stage.block[block], stage, problem, progress, ahead) for block in stage.blocks]
    total = stage.rounds * sum(block.spec.steps for block in blocks)
    log = Log(names={block.name: block.names for block in blocks})
    correct = recipe.scale.happens_in(name)
    rescale_after = {max(1, round(at * stage.rounds)) for at in recipe.scale.at} if correct else set()
    snapshot, done, looked, dropped = problem.variables.snapshot(), 0, 0, False
    for number in range(stage.rounds):
        for block in blocks:
            for count in _pieces(block.spec.steps, stage.rounds):
                if not dropped and done >= stage.lr_drop_at * total:
                    dropped = True
                    for each in blocks:
                        each.optimiser.slow_down(stage.lr_drop)
                done = block.run(count, done, total)
                if watch is not None:
                    watch(name, done, total, partial(_means, blocks))
                if done - looked < total / _LOOKS and done < total:
                    continue
                looked = done
                snapshot = _look(name, problem, blocks, snapshot, diverged, causes)
                report(name, done, total, _means(blocks))
                if bool(diverged.all()):
                    return log.close(blocks, began)
        if number + 1 in rescale_after:
            log.scale.append(rescale(problem, recipe.scale).cpu())
            ahead.drop()
    return log.close(blocks, began)


def _means(blocks: list[_Block]) -> dict[str, float]:
    return {k: v for each in blocks for k, v in each.means().items()}


def _pieces(steps: int, rounds: int) -> list[int]:
    """The steps of a block in one round, cut into pieces in a stage of one round, so that progress can be reported."""
    size = steps if rounds > 1 else -(-steps // _LOOKS)
    return [min(size, steps - first) for first in range(0, steps, size)]


def _cause(stage: str, blocks: list[_Block], index: int) -> str:
    """Which terms became non-finite first. If all did at once, the previous step made the variables non-finite."""
    for block in blocks:
        bad = ~torch.isfinite(block.values[: block.done, :, index]).cpu()
        if bool(bad.any()):
            step = int(bad.any(1).nonzero()[0])
            names = [name for name, wrong in zip(block.names, bad[step].tolist(), strict=True) if wrong]
            told = f"term {', '.join(names)} at step {step} of block {block.name} in stage {stage}"
            return told if len(names) < len(block.names) or step == 0 else f"{told} (a gradient of the step before)"
    names = sorted({name for block in blocks for name in block.names})
    return f"a gradient of term {', '.join(names)} in stage {stage}"


def _look(
    stage: str, problem: Problem, blocks: list[_Block], snapshot: list[Tensor], diverged: Tensor, causes: dict[int, str]
) -> list[Tensor]:
    """Reset clips that are no longer finite to ``snapshot``; return the new snapshot."""
    finite = problem.variables.finite()
    for block in blocks:
        finite &= torch.isfinite(block.values[: block.done]).all(0).all(0)
    diverged |= ~finite
    if bool(diverged.any()):
        new = [index for index in diverged.nonzero().flatten().tolist() if index not in causes]
        causes |= {index: _cause(stage, blocks, index) for index in new}
        problem.variables.restore(snapshot, diverged)
    return problem.variables.snapshot()
