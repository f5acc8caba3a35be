"""Results to export: the demonstration on the embedded body, on a bare skeleton, and one whose feet slide."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch
from diffopt_core.host.testing.component import installed
from diffopt_core.parts.datasets.case_file import clip_of
from diffopt_core.parts.datasets.simulator.simulate import simulate
from diffopt_core.parts.demo_motion import demo_clip
from diffopt_core.types import HumanMotion, Result, Status

FRAMES = 60


@cache
def walk(frames: int = FRAMES) -> Result:
    """Body ``anny24`` with its camera."""
    walker = demo_clip(frames=frames)
    case, truth = simulate(walker, seed=0)
    clip = replace(clip_of(case, "walk"), rest_joints=None)
    motion, joints = walker.truth.motion, walker.truth.joints
    R, t = (torch.from_numpy(np.asarray(truth[key], np.float32)) for key in ("cam_R", "cam_t"))
    camera = replace(clip.camera, R=R, t=t, unit="metre", level=True)
    return Result(clip, motion, camera, joints, motion, camera, joints, Status.FINISHED, {}, {}, {}, "anny24")


def bare(frames: int = FRAMES) -> Result:
    """The same on a skeleton without a mesh."""
    from diffopt_core.parts.bodies.anny24 import load

    result = walk(frames)
    rest = load().rest_joints(torch.zeros(1, 10))[0]
    return replace(result, clip=replace(result.clip, rest_joints=rest), body_model="stick")


def sliding(frames: int = 120) -> Result:
    """Goes 15 % further than its feet do, and bobs."""
    result = walk(frames)
    trans = result.motion.trans.clone()
    trans[:, 2] *= 1.15
    trans[:, 1] += 0.01 * torch.sin(torch.arange(frames) / 5.0)
    joints = result.joints + (trans - result.motion.trans)[:, None]
    return replace(result, motion=replace(result.motion, trans=trans), joints=joints)


def shaped(result: Result, betas_of: str, value: float = 0.5) -> Result:
    motion = result.motion
    return replace(result, motion=HumanMotion(motion.pose, motion.trans, torch.full((10,), value), betas_of))


def exporter(name: str, **options: Any):
    return installed().context().build("exporter", name, options)


def apart(a, b) -> float:
    """Largest distance of points, m."""
    return float(np.linalg.norm(np.asarray(a, np.float64) - np.asarray(b, np.float64), axis=-1).max())
