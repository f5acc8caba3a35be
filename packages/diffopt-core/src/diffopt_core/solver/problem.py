"""From evidence to a problem: build the body, place the batch in one world, then bind a recipe to it. All names are
looked up here, once; the step loop makes plain calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ..config import TermConfig
from ..data.chain import as_matrices, by_component
from ..data.noise import StreamNoise
from ..data.pinhole import seen
from ..data.skeleton import LAYOUTS
from ..data.window import Batch
from ..errors import DiffOptError
from ..host.contract import answers
from ..host.recipe import Recipe
from ..host.shipped import is_shipped
from ..interfaces import (
    Body,
    BuildContext,
    Energy,
    Executor,
    Host,
    MeshBody,
    OncePosedBody,
    OwnsVariables,
    PartialBody,
    ProblemContext,
    Representation,
)
from ..types import CameraTrajectory, HumanMotion, Observations, Scene, map_tensors
from .place import Placed, camera_frame_motion, place
from .variables import CameraResidual, Variables


@dataclass(frozen=True)
class Layout:
    """A batch placed in the world, with its body model."""

    batch: Batch
    ctx: ProblemContext
    body: Body
    start: Placed
    noise: StreamNoise


def problem_context(batch: Batch, noise: StreamNoise, base: BuildContext) -> ProblemContext:
    """What components of this batch are built with, before it is placed."""
    return ProblemContext(
        device=base.device,
        seed=base.seed,
        host=base.host,
        env=base.env,
        fps=batch.fps,
        initial=camera_frame_motion(batch),
        camera=batch.camera,
        observations=batch.observations,
        rest_joints=batch.rest_joints,
        noise=noise,
        evidence=batch.evidence,
        lengths=batch.lengths,
    )


def lay_out(batch: Batch, seeds: Sequence[int], recipe: Recipe, base: BuildContext) -> Layout:
    """Build the body and place the batch."""
    noise = StreamNoise(seeds, base.device)
    ctx = problem_context(batch, noise, base)
    body = ctx.build("body", recipe.body.name, recipe.body.options)
    _hold_body(body, recipe.body.name, ctx, noise)
    batch = replace(batch, observations=served(batch.observations, body))
    ctx = replace(ctx, observations=batch.observations)
    start = place(batch, body, recipe.place)
    return Layout(batch, ctx, body, replace(start, motion=own_shape(start.motion, body)), noise)


def body_alone(problem: ProblemContext, index: int, recipe: Recipe) -> Body:
    """The body of clip ``index`` alone, on the CPU, for scoring and exporting clip by clip."""
    rest = problem.rest_joints
    one = None if rest is None else rest[index : index + 1].cpu()
    ctx = replace(problem, device=torch.device("cpu"), rest_joints=one, body=None, lengths=None)
    return ctx.build("body", recipe.body.name, recipe.body.options)


def served(observations: Observations, body: Body) -> Observations:
    """The observations with confidence 0 for points that the body does not have."""
    if not isinstance(body, PartialBody):
        return observations
    has = torch.tensor(body.served(observations.layout)).to(observations.keypoints)
    mask = torch.stack([torch.ones_like(has), torch.ones_like(has), has], -1)
    return replace(observations, keypoints=observations.keypoints * mask)


def own_shape(motion: HumanMotion, body: Body) -> HumanMotion:
    """The motion with betas that belong to ``body``. A mesh body that accepted betas of another model has its mean
    shape. A stick body has no shape and keeps the betas of the model they came from."""
    if motion.betas_of == body.name or not isinstance(body, MeshBody):
        return motion
    return replace(motion, betas=torch.zeros_like(motion.betas), betas_of=body.name)


@dataclass(frozen=True)
class BoundTerm:
    """An energy, the scene fields it needs, and whether its block can be captured."""

    energy: Energy
    needs: frozenset[str]
    capturable: bool


@dataclass(frozen=True)
class Problem:
    """A batch bound to a recipe, ready to be solved."""

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
        """The scene of the current variables; computes only the fields in ``needs``."""
        camera = self.camera.camera()
        joints, keypoints = self._points(motion, "joints" in needs, bool(needs & {"keypoints", "pixels", "depth"}))
        pixels = depth = None
        if keypoints is not None and needs & {"pixels", "depth"}:
            pixels, depth = seen(keypoints, camera.R, camera.t, camera.focal, camera.centre)
        return Scene(motion, camera, progress, self.camera.residual(), joints, keypoints, pixels, depth)

    def _points(self, motion: HumanMotion, joints: bool, keypoints: bool) -> tuple[Tensor | None, Tensor | None]:
        layout = self.batch.observations.layout
        if joints and keypoints and self.once is not None:
            return self.once.joints_and_keypoints(motion, layout)
        found = self.body.joints(motion) if joints else None
        return found, self.body.keypoints(motion, layout) if keypoints else None

    @cached_property
    def once(self) -> OncePosedBody | None:
        """The body, if one pass gives joints and keypoints."""
        return self.body if isinstance(self.body, OncePosedBody) else None


def _energies(recipe: Recipe) -> dict[str, tuple[str, Any]]:
    """Kind and spec of what the recipe weighs, by name of the term."""
    used = {name: ("term", spec) for name, spec in recipe.used_terms().items()}
    if any("prior" in block.terms for _, stage in recipe.stages for block in stage.block.values()):
        used["prior"] = ("prior", recipe.prior)
    return used


def ragged(recipe: Recipe, host: Host) -> bool:
    """Whether clips of different lengths can be solved together under this recipe (``ComponentConfig.ragged``)."""
    parts = [("representation", recipe.representation), *_energies(recipe).values()]
    return all(host.config_class(kind, spec.name).ragged for kind, spec in parts)


def bind(laid: Layout, recipe: Recipe) -> Problem:
    """Build representation, camera residual, terms and prior for a placed batch."""
    body, start = laid.body, laid.start
    # The context's initial motion and camera are changed in place when the scale is corrected, so keep the originals.
    initial = map_tensors(start.motion, Tensor.clone)
    # in memory as a representation's poses are, because terms take differences at every step
    initial = replace(initial, pose=as_matrices(by_component(initial.pose).contiguous()))
    camera = map_tensors(start.camera, Tensor.clone)
    ctx = replace(laid.ctx, initial=initial, camera=camera, body=body)
    representation = ctx.build("representation", recipe.representation.name, recipe.representation.options)
    residual = CameraResidual(camera, recipe.camera_residual, ctx.own)
    variables = Variables()
    variables.add("motion", representation.variables())
    variables.add("camera", residual.variables())
    terms: dict[str, BoundTerm] = {}
    used = _energies(recipe)
    for name, (kind, spec) in used.items():
        config = ctx.host.config(kind, spec.name, spec.options)
        if not isinstance(config, TermConfig):
            raise DiffOptError(f"{kind} '{spec.name}': its config must derive from TermConfig")
        energy = ctx.build(kind, spec.name, spec.options)
        terms[name] = BoundTerm(energy, config.needs, config.capturable)
        if isinstance(energy, OwnsVariables):
            variables.add(name, energy.variables())
    executor = ctx.build("executor", recipe.executor.name, recipe.executor.options)
    made = Problem(laid.batch, ctx, body, representation, residual, executor, terms, variables, laid.noise, start)
    hold_guests(made, recipe, used)
    return made


def _hold_body(body: Body, name: str, ctx: ProblemContext, noise: StreamNoise) -> None:
    """As :func:`hold_guests`, for the body, before it is used for placement."""
    start, layout = ctx.initial, ctx.observations.layout
    clips, frames = start.trans.shape[:2]
    with _asked(ctx, noise, "body", name) as fail:
        if fail is not None:
            fail("rest_joints", body.rest_joints(start.betas), (clips, 24, 3))
            fail("joints", body.joints(start), (clips, frames, 24, 3))
            fail("keypoints", body.keypoints(start, layout), (clips, frames, len(LAYOUTS[layout]), 3))


def hold_guests(problem: Problem, recipe: Recipe, used: dict[str, tuple[str, Any]]) -> None:
    """Check energies of other distributions once against their contract. Raises DiffOptError naming component,
    distribution and the violated rule. ``used``: kind and spec by name of the term.

    Random streams are reset afterwards, so that the check does not change the result.
    """
    ctx, noise = problem.ctx, problem.noise
    clips, frames = ctx.initial.trans.shape[:2]
    shapes = {"pose": (clips, frames, 24, 3, 3), "trans": (clips, frames, 3)}
    with _asked(ctx, noise, "representation", recipe.representation.name) as fail:
        if fail is not None:
            motion = problem.representation.motion()
            for part, shape in shapes.items():
                fail(part, getattr(motion, part), shape)
    with _asked(ctx, noise, "executor", recipe.executor.name) as fail:
        if fail is not None:
            value = torch.ones(clips, device=ctx.device)
            (back,) = problem.executor.prepare(lambda: (value,), False)()
            fail("the step that it prepares", back, (clips,))
    for name, (kind, spec) in used.items():
        with _asked(ctx, noise, kind, spec.name) as fail:
            if fail is not None:
                fail("its energy", _energy(problem, name), (clips,), grad=True)


def _energy(problem: Problem, name: str) -> Any:
    term, leaves = problem.terms[name], problem.variables.all()
    was = [leaf.requires_grad for leaf in leaves]
    for leaf in leaves:
        leaf.requires_grad_(True)
    try:
        progress = torch.zeros((), device=problem.ctx.device)
        return term.energy(problem.scene(problem.representation.motion(), term.needs, progress))
    finally:
        for leaf, asked in zip(leaves, was, strict=True):
            leaf.requires_grad_(asked)


@contextmanager
def _asked(ctx: ProblemContext, noise: StreamNoise, kind: str, name: str) -> Iterator[Any]:
    """Yields a function that checks a value against its contract; None for our own components, which tests cover."""
    host, streams = ctx.host, noise.streams
    who = host.source(kind, name)
    if is_shipped(who) or who == "?":
        yield None
        return

    def fail(what: str, value: Any, shape: tuple[int, ...], grad: bool = False) -> None:
        if clause := _broken(value, shape, ctx.device, grad):
            raise DiffOptError(f"{kind} '{name}' of {who} breaks its contract: {what} {clause}")

    states = [stream.get_state() for stream in streams]
    try:
        with answers(host, kind, name):
            yield fail
    finally:
        for stream, state in zip(streams, states, strict=True):
            stream.set_state(state)


def _broken(value: Any, shape: tuple[int, ...], device: torch.device, grad: bool) -> str | None:
    if not isinstance(value, Tensor):
        return f"is a {type(value).__name__}, no tensor"
    if value.shape != shape:
        return f"has shape {tuple(value.shape)}, expected {shape}"
    if value.device.type != device.type:
        return f"is on device {value.device}, expected {device}"
    if grad and not value.requires_grad:
        return "is detached: no gradient comes through"
    return None if bool(value.isfinite().all()) else "is not finite at the start"


@torch.no_grad()
def current(problem: Problem) -> tuple[HumanMotion, CameraTrajectory]:
    """Current motion and camera, ``B T``."""
    motion, camera = problem.representation.motion(), problem.camera.camera()
    return map_tensors(motion, Tensor.clone), map_tensors(camera, Tensor.clone)
