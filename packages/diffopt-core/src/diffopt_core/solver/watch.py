"""Snapshots of a solve in progress for a viewer: motion and losses from time to time. Without a viewer nothing is
computed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch

from ..data.window import pick
from ..host.recipe import Recipe
from ..interfaces import Snapshot
from ..types import CameraTrajectory, HumanMotion, Result, Status
from .problem import Problem, current

log = logging.getLogger(__name__)


@dataclass
class Watch:
    """``show`` gets the first ``most`` clips of a batch, at most every ``every`` seconds of wall time.

    Posing the body reads the variables and draws no random numbers, so a watched solve gives the same bits. If ``show``
    fails, a warning is logged and it is not called again; the solve goes on.
    """

    show: Callable[[Snapshot], None]
    every: float = 0.5
    most: int = 4
    _last: float = field(default=-float("inf"), init=False)

    def of(self, problem: Problem, recipe: Recipe) -> Watcher:
        """The watcher of one batch."""
        return Watcher(self, problem, recipe)


class Watcher:
    """Called by the solver between blocks with the stage, its steps and a function that reads its losses; reads them if
    a snapshot is due."""

    def __init__(self, watch: Watch, problem: Problem, recipe: Recipe):
        self._watch, self._problem, self._recipe = watch, problem, recipe
        draws = recipe.draws.count
        self._rows = range(0, len(problem.batch.clips), draws)[: watch.most]
        self._told = recipe.dump()
        self._first = self._joints(problem.start.motion)
        self._failed = False

    def __call__(self, stage: str, done: int, total: int, losses: Callable[[], dict[str, float]]) -> None:
        now = time.monotonic()
        if self._failed or now - self._watch._last < self._watch.every:
            return
        self._watch._last = now
        motion, camera = current(self._problem)
        joints = self._joints(motion)
        if not bool(torch.isfinite(joints).all()):
            return  # the clip will be reset at the next check
        results = tuple(self._seen(row, motion, camera, joints) for row in self._rows)
        try:
            self._watch.show(Snapshot(results, stage, done, total, losses()))
        except Exception as error:
            self._failed = True
            log.warning("the solve is no longer shown: %s", error)

    def _seen(self, row: int, motion: HumanMotion, camera: CameraTrajectory, joints: torch.Tensor) -> Result:
        clip, start = self._problem.batch.clips[row], self._problem.start
        own = partial(pick, index=row, frames=clip.num_frames)
        return Result(
            clip, own(motion), own(camera), own(joints), own(start.motion), own(start.camera), own(self._first),
            Status.RUNNING, self._told, {}, {}, self._problem.body.name,
        )  # fmt: skip

    @torch.no_grad()
    def _joints(self, motion: HumanMotion) -> torch.Tensor:
        return self._problem.body.joints(motion)
