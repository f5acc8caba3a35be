"""What a sequence is scored against: joints, motion and cameras in EMDB's own world (metres, Y up)."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from diffopt_core.errors import BadInput
from diffopt_core.geometry import project, world_to_camera
from diffopt_core.rotation import axis_angle_to_matrix
from diffopt_core.types import CameraTrajectory, HumanMotion, Truth, as_float

from .read import Sequence
from .smpl import gendered_body

log = logging.getLogger(__name__)
#: The file's ``kp2d`` are its own joints, projected. More than this share of the longer side between the two is
#: another direction or convention; more than this many px, another body.
_TOO_FAR = 0.02
_NOTICEABLE = 5.0


def truth_of(made: Sequence, smpl: Path) -> Truth:
    """Truth of the whole sequence (float32): SMPL's ``trans`` becomes the pelvis, nothing else is moved.

    Raises MissingResource without the SMPL file of this gender; BadInput where truth, camera and ``kp2d`` disagree.
    """
    body = gendered_body(smpl, made.gender, made.name)
    betas = torch.from_numpy(made.betas)[None]
    pelvis = torch.from_numpy(made.trans) + body.rest_pelvis(betas)
    pose = axis_angle_to_matrix(torch.from_numpy(made.pose))
    motion = HumanMotion(pose[None], pelvis[None], betas, body.name)
    joints = body.joints(motion)[0]
    focal, centre = made.intrinsics[[0, 1], [0, 1]], made.intrinsics[:2, 2]
    frames = len(made)
    camera = CameraTrajectory(
        as_float(made.extrinsics[:, :3, :3]),
        as_float(made.extrinsics[:, :3, 3]),
        as_float(focal).expand(frames, 2),
        as_float(centre).expand(frames, 2),
        unit="metre",
        level=True,
        facts={"focal_from": "EMDB's calibration"},
    )
    truth = Truth(
        joints.float(),
        motion=HumanMotion(pose.float(), pelvis.float(), betas[0].float(), body.name),
        camera=camera,
        good=torch.from_numpy(made.good.copy()),
        boxes=as_float(made.boxes),
        body=body,
    )
    _check_projection(truth, made)
    return truth


def reprojection(truth: Truth, made: Sequence) -> float:
    """Median distance in px of ``kp2d`` to the truth's joints as its camera sees them, good frames."""
    camera = truth.camera
    assert camera is not None
    seen = project(world_to_camera(truth.joints, camera.R, camera.t), camera.focal, camera.centre)
    return float((seen - as_float(made.kp2d)).norm(dim=-1)[torch.from_numpy(made.good)].median())


def _check_projection(truth: Truth, made: Sequence) -> None:
    distance = reprojection(truth, made)
    if not distance <= _TOO_FAR * max(made.size):
        raise BadInput(
            made.path, "kp2d",
            f"lies {distance:.0f} px (median) from where the camera sees the true joints; expected world-to-camera "
            f"extrinsics and SMPL's {made.gender} parameters, as in EMDB's release",
        )  # fmt: skip
    if distance > _NOTICEABLE:
        log.warning("%s: kp2d lies %.1f px from the projected true joints; is this SMPL's %s model?",
                    made.name, distance, made.gender)  # fmt: skip
