"""Second step, whole: the body of a batch is built, and the batch is placed in one world. Nothing is free yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from ..data.noise import StreamNoise
from ..data.window import Batch
from ..host.recipe import Recipe
from ..interfaces import Body, BuildContext, MeshBody, PartialBody, ProblemContext
from ..types import HumanMotion, Observations
from .place import Placed, camera_frame_motion, place


@dataclass(frozen=True)
class Layout:
    """A batch in its world, with the body that stands in it."""

    batch: Batch
    ctx: ProblemContext
    body: Body
    start: Placed
    noise: StreamNoise


def lay_out(batch: Batch, seeds: Sequence[int], recipe: Recipe, base: BuildContext) -> Layout:
    """Build the body and place the batch."""
    noise = StreamNoise(seeds, base.device)
    ctx = ProblemContext(
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
    )
    body = ctx.build("body", recipe.body.name, recipe.body.options)
    batch = replace(batch, observations=served(batch.observations, body))
    ctx = replace(ctx, observations=batch.observations)
    start = place(batch, body, recipe.place)
    return Layout(batch, ctx, body, replace(start, motion=own_shape(start.motion, body)), noise)


def body_alone(problem: ProblemContext, index: int, recipe: Recipe) -> Body:
    """The body of clip ``index`` by itself, on the CPU: scoring and exporting go clip by clip."""
    rest = problem.rest_joints
    one = None if rest is None else rest[index : index + 1].cpu()
    ctx = replace(problem, device=torch.device("cpu"), rest_joints=one, body=None)
    return ctx.build("body", recipe.body.name, recipe.body.options)


def served(observations: Observations, body: Body) -> Observations:
    """The observations with confidence 0 for points that the body does not have."""
    if not isinstance(body, PartialBody):
        return observations
    has = torch.tensor(body.served(observations.layout)).to(observations.keypoints)
    mask = torch.stack([torch.ones_like(has), torch.ones_like(has), has], -1)
    return replace(observations, keypoints=observations.keypoints * mask)


def own_shape(motion: HumanMotion, body: Body) -> HumanMotion:
    """The motion with betas that belong to ``body``. A mesh body that let foreign ones pass is in its mean shape; a
    stick has no shape of its own and keeps those of the model that made them, for whoever has that model."""
    if motion.betas_of == body.name or not isinstance(body, MeshBody):
        return motion
    return replace(motion, betas=torch.zeros_like(motion.betas), betas_of=body.name)
