"""Results as a run leaves them, made without a solve: a walk, its first guess beside it, truth, losses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from diffopt_core.parts.bodies import anny24
from diffopt_core.parts.datasets.case_file import clip_of, with_truth
from diffopt_core.parts.datasets.simulator.simulate import simulate
from diffopt_core.parts.demo_motion import demo_clip
from diffopt_core.results.saved import posed
from diffopt_core.types import CameraTrajectory, HumanMotion, Result, Status


def walk(frames: int = 24, name: str = "walk", body: str = "anny24") -> Result:
    """The demonstration's walk as its own recovery; the initial one stands 20 cm aside."""
    walker = demo_clip(frames=frames)
    case, truth = simulate(walker, seed=0)
    clip = with_truth(clip_of(case, name), truth, Path("walk.npz"))
    assert clip.truth is not None and clip.truth.motion is not None and clip.truth.camera is not None
    true = clip.truth.motion
    if body == "anny24":
        betas = torch.zeros(10)
        joints = posed(true.pose, true.trans, anny24.load().rest_joints(betas[None])[0])
        motion = HumanMotion(true.pose, true.trans, betas, "anny24")
    else:
        motion, joints = true, clip.truth.joints
    first = replace(motion, trans=motion.trans + torch.tensor([0.2, 0.0, 0.0]))
    camera = clip.truth.camera
    log = {"warmup": {"pose": [1.0, 0.1, 0.01], "prior": [0.0, 0.2, 0.1]}, "guide": {"prior": [0.5]}}
    recipe = {
        "summary": "two stages", "prior": {"name": "mdm", "options": {"window": 60}}, "schedule": ["warmup"],
        "stage": {"warmup": {"rounds": 1, "blocks": ["all"],
                             "all": {"free": ["motion.*"], "terms": {"pose": 1.0}, "steps": 3, "lr": 0.01}}},
    }  # fmt: skip
    return Result(
        clip=replace(clip, camera=camera), motion=motion, camera=camera, joints=joints, initial=first,
        initial_camera=CameraTrajectory(camera.R, camera.t + 0.1, camera.focal, camera.centre, "metre", True),
        initial_joints=joints + torch.tensor([0.2, 0.0, 0.0]), status=Status.FINISHED, recipe=recipe, log=log,
        provenance={"seed": 3, "versions": {"torch": "x"}, "seconds": {"warmup": 1.0, "guide": 3.0},
                    "licences": {"prior mdm": "for <research> only"}},
        body_model=body, metrics={"initial": {"rigid_clip": 300.0}, "final": {"rigid_clip": 100.0}},
    )  # fmt: skip
