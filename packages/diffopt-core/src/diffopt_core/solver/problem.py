"""Third step: bind a recipe to a placed batch. Everything is looked up here, once; the loop makes plain calls."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..config import TermConfig
from ..data.geometry import project, world_to_camera
from ..data.noise import StreamNoise
from ..data.window import Batch
from ..errors import DiffOptError
from ..host.recipe import Recipe
from ..interfaces import Body, Energy, Executor, OwnsVariables, ProblemContext, Representation
from ..types import CameraTrajectory, HumanMotion, Scene, map_tensors
from .layout import Layout
from .place import Placed
from .variables import CameraResidual, Variables


@dataclass(frozen=True)
class BoundTerm:
    """An energy, what it reads of the scene, and whether its block may be compiled."""

    energy: Energy
    needs: frozenset[str]
    capturable: bool


@dataclass(frozen=True)
class Problem:
    """A batch ready to be solved."""

    batch: Batch
    ctx: ProblemContext
    body: Body
    representation: Representation
    camera: CameraResidual
    executor: Executor
    terms: dict[str, BoundTerm]
    variables: Variables
    noise: StreamNoise
    start: Placed

    def scene(self, motion: HumanMotion, needs: frozenset[str], progress: Tensor) -> Scene:
        """The scene of the current variables; only what is needed is computed."""
        camera = self.camera.camera()
        joints = self.body.joints(motion) if "joints" in needs else None
        keypoints = pixels = depth = None
        if needs & {"keypoints", "pixels", "depth"}:
            keypoints = self.body.keypoints(motion, self.batch.observations.layout)
        if keypoints is not None and needs & {"pixels", "depth"}:
            in_camera = world_to_camera(keypoints, camera.R, camera.t)
            depth = in_camera[..., 2]
            pixels = project(in_camera, camera.focal, camera.centre)
        return Scene(motion, camera, progress, self.camera.residual(), joints, keypoints, pixels, depth)


def bind(laid: Layout, recipe: Recipe) -> Problem:
    """Build representation, camera, terms and prior of a placed batch."""
    body, start = laid.body, laid.start
    # The context's initial motion and camera are written to in place when the scale is corrected; the start is kept.
    initial = map_tensors(start.motion, Tensor.clone)
    camera = map_tensors(start.camera, Tensor.clone)
    ctx = replace(laid.ctx, initial=initial, camera=camera, body=body)
    representation = ctx.build("representation", recipe.representation.name, recipe.representation.options)
    residual = CameraResidual(camera, recipe.camera_residual)
    variables = Variables()
    variables.add("motion", representation.variables())
    variables.add("camera", residual.variables())
    terms: dict[str, BoundTerm] = {}
    used = {name: ("term", spec) for name, spec in recipe.used_terms().items()}
    if any("prior" in block.terms for _, stage in recipe.stages for block in stage.block.values()):
        used["prior"] = ("prior", recipe.prior)
    for name, (kind, spec) in used.items():
        config = ctx.host.config(kind, spec.name, spec.options)
        if not isinstance(config, TermConfig):
            raise DiffOptError(f"{kind} '{spec.name}': its config must derive from TermConfig")
        energy = ctx.build(kind, spec.name, spec.options)
        terms[name] = BoundTerm(energy, config.needs, config.capturable)
        if isinstance(energy, OwnsVariables):
            variables.add(name, energy.variables())
    executor = ctx.build("executor", recipe.executor.name, recipe.executor.options)
    return Problem(laid.batch, ctx, body, representation, residual, executor, terms, variables, laid.noise, start)


@torch.no_grad()
def current(problem: Problem) -> tuple[HumanMotion, CameraTrajectory]:
    """Motion and camera as they stand, ``B T``."""
    motion, camera = problem.representation.motion(), problem.camera.camera()
    return map_tensors(motion, Tensor.clone), map_tensors(camera, Tensor.clone)
