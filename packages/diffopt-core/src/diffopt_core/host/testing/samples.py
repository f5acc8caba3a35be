"""A synthetic clip and result, for contracts of things that read and write them."""

from __future__ import annotations

from typing import TypeVar

from torch import Tensor

from ...types import CameraFrameBody, Clip, Result, Status, Truth, map_tensors
from .problem import StickBody, make_problem

_T = TypeVar("_T")


def _first(value: _T) -> _T:
    """Clip 0 of a dataclass with leading ``B``."""
    return map_tensors(value, lambda tensor: tensor[0])


def make_clip(frames: int = 12, layout: str = "coco17", seed: int = 0) -> Clip:
    """A clip with keypoints, camera, camera-frame body and truth, 1280 x 720 at 30 fps; no image file."""
    ctx = make_problem(1, frames, seed=seed, layout=layout)
    motion, camera = _first(ctx.initial), _first(ctx.camera)
    body = CameraFrameBody(
        global_orient=camera.R @ motion.pose[:, 0],
        body_pose=motion.pose[:, 1:],
        transl=(camera.R @ motion.trans.unsqueeze(-1)).squeeze(-1) + camera.t,
        betas=motion.betas,
        poses_from="regressor",
    )
    assert ctx.rest_joints is not None
    return Clip(
        name="sticks",
        path=None,
        fps=ctx.fps,
        size=(1280, 720),
        num_frames=frames,
        observations=_first(ctx.observations),
        body=body,
        camera=camera,
        rest_joints=ctx.rest_joints[0],
        truth=Truth(joints=StickBody().joints(ctx.initial)[0], motion=motion, camera=camera),
    )


def make_result(frames: int = 12, seed: int = 0) -> Result:
    """A finished result on :func:`make_clip`, off its truth by 5 cm."""
    ctx = make_problem(1, frames, seed=seed, layout="coco17")

    def moved(tensor: Tensor) -> Tensor:
        return tensor + 0.05

    motion, camera = _first(ctx.initial), _first(ctx.camera)
    joints = StickBody().joints(ctx.initial)[0]
    return Result(
        clip=make_clip(frames, seed=seed),
        motion=type(motion)(motion.pose, moved(motion.trans), motion.betas, motion.betas_of),
        camera=camera,
        joints=moved(joints),
        initial=motion,
        initial_camera=camera,
        initial_joints=joints,
        status=Status.FINISHED,
        recipe={"summary": "synthetic"},
        log={"warmup": {"pose": [1.0, 0.5]}},
        provenance={"seed": seed, "device": "cpu", "seconds": {"warmup": 0.1}},
        body_model="stick",
        metrics={"mpjpe": {"initial": 0.0, "final": 86.6}},
    )
