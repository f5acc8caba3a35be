"""A problem small enough to solve by hand: one free tensor, energies of a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from diffopt_core.data.window import Batch
from diffopt_core.host.recipe import CameraSpec, Recipe, parse
from diffopt_core.host.testing.problem import make_problem
from diffopt_core.parts.executors import Eager
from diffopt_core.solver.place import Placed
from diffopt_core.solver.problem import BoundTerm, Problem
from diffopt_core.solver.variables import CameraResidual, Variables
from diffopt_core.types import Clip, HumanMotion, Scene, map_tensors
from torch import Tensor

FRAMES = 6
Energy = Callable[[Scene], Tensor]


class Path:
    """A representation of which only the translation is free; counts how often it is asked for the motion."""

    def __init__(self, initial: HumanMotion):
        self.initial, self.trans, self.asked = initial, initial.trans.clone(), 0

    def motion(self) -> HumanMotion:
        self.asked += 1
        return replace(self.initial, trans=self.trans * 1.0)

    def variables(self) -> Mapping[str, list[Tensor]]:
        return {"trans": [self.trans]}

    def shift(self, delta: Tensor) -> None:
        self.trans += delta


def pull(scene: Scene) -> Tensor:
    """To the line z = 2."""
    return (scene.motion.trans - 2.0).square().mean((1, 2))


def camera_pull(scene: Scene) -> Tensor:
    return (scene.camera.t - 1.0).square().mean((1, 2))


def problem(clips: int = 2, executor: object | None = None, seed: int = 0, **terms: Energy) -> Problem:
    """``clips`` people; ``terms`` by name (default: one, ``pull``)."""
    ctx = make_problem(clips, FRAMES, seed=seed)
    path = Path(ctx.initial)
    camera = CameraResidual(map_tensors(ctx.camera, Tensor.clone), CameraSpec())
    variables = Variables()
    variables.add("motion", path.variables())
    variables.add("camera", camera.variables())
    bound = {
        name: BoundTerm(energy, frozenset(), True)
        for name, energy in {"pull": pull, "camera_pull": camera_pull, **terms}.items()
    }
    assert ctx.body is not None
    return Problem(
        batch=Batch(
            clips=tuple(Clip(f"clip{k}", None, ctx.fps, (1000, 1000), FRAMES) for k in range(clips)),
            fps=ctx.fps,
            observations=ctx.observations,
            camera=ctx.camera,
            global_orient=ctx.initial.pose[:, :, 0],
            body_pose=ctx.initial.pose[:, :, 1:],
            transl=ctx.initial.trans,
            betas=ctx.initial.betas,
            betas_of=ctx.initial.betas_of,
            rest_joints=ctx.rest_joints,
        ),
        ctx=ctx,
        body=ctx.body,
        representation=path,
        camera=camera,
        executor=executor or Eager(),  # type: ignore[arg-type]
        terms=bound,
        variables=variables,
        noise=ctx.noise,  # type: ignore[arg-type]
        start=Placed(ctx.initial, ctx.camera),
    )


def recipe(schedule: tuple[str, ...] = ("s",), **stage: object) -> Recipe:
    """One stage ``s`` of one block ``all``, or what ``stage`` says instead."""
    block = {"free": ["motion.*"], "terms": {"pull": 1.0}, "steps": 20, "lr": 0.05}
    table = {"blocks": ["all"], "all": block, **stage}
    return parse({"schedule": list(schedule), "stage": {name: table for name in schedule}})


def block(**changes: object) -> dict[str, object]:
    return {"free": ["motion.*"], "terms": {"pull": 1.0}, "steps": 20, "lr": 0.05, **changes}


def adam_by_hand(steps: list[int], lr: float = 0.05, clips: int = 2) -> Tensor:
    """What ``pull`` does to the path; a new optimiser for each item of ``steps``."""
    trans = make_problem(clips, FRAMES).initial.trans.clone().requires_grad_(True)
    for count in steps:
        optimiser = torch.optim.Adam([trans], lr)
        for _ in range(count):
            optimiser.zero_grad()
            (trans - 2.0).square().mean((1, 2)).sum().backward()
            optimiser.step()
    return trans.detach()
