"""Simulate one case with its truth from one motion and a seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from ....common.npz import Arrays
from ....data.rotation import matrix_to_axis_angle
from ....data.skeleton import LAYOUTS
from ....errors import BadInput
from ....interfaces import Body
from ....types import Clip, HumanMotion
from ..configs import SimulatorSettings
from . import landmarks
from .evidence import Array, detect, film, occlusions, regress, track

#: Distance from the foot joints to the floor and from the head joint to the crown of an adult, m.
_BEYOND_JOINTS = 0.21
_FACE = ("nose", "eye", "ear", "mouth")


def simulate(
    motion: Clip, settings: SimulatorSettings | None = None, seed: int = 0, body: Body | None = None
) -> tuple[Arrays, Arrays]:
    """Case and truth, as the arrays of their files.

    ``motion``: a clip with ``truth.motion`` (world, Y up, floor at y = 0, m). ``body`` gives joints and keypoints; by
    default the stick body of ``motion.rest_joints``, which the case then holds. The same arguments give the same
    arrays; each part of the noise has its own random stream, so that changing one setting does not affect the others.
    Raises BadInput if the clip has no motion or too few frames.
    """
    settings = settings or SimulatorSettings()
    true = _motion(motion)
    figure = body or _stick(motion)
    true = _shaped_as(true, figure)
    layout = settings.keypoints.layout if settings.detector == "keypoints" else landmarks.LAYOUT
    joints, points = _points(true, figure, layout)
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(4)]

    camera = film(_double(true.trans), motion.fps, settings.camera, streams[0])
    pixels, _ = camera.see(points)
    depth = camera.see(joints[:, :1])[1][:, 0]
    rest = _double(figure.rest_joints(true.betas.unsqueeze(0))[0])
    stature = float(np.ptp(rest[:, 1])) + _BEYOND_JOINTS
    size = stature * camera.focal / depth
    of_detector: Arrays = {}
    if settings.detector == "keypoints":
        seen = detect(pixels, size, _given(settings, figure), settings.camera.size, settings.keypoints, streams[1])
    else:
        hidden = occlusions(len(joints), np.ones(points.shape[1], bool), settings.keypoints, streams[1])
        inside = np.einsum("tij,tnj->tni", camera.R, points) + camera.t[:, None]
        seen, in_depth = landmarks.see(
            inside, pixels, size, motion.fps, settings.detector, settings.camera.size, hidden, streams[1]
        )
        of_detector = {"landmarks": _single(in_depth), "landmark_layout": np.array(layout)}

    pose = _double(true.pose)
    pose[:, 0] = camera.R @ pose[:, 0]
    pelvis = np.einsum("tij,tj->ti", camera.R, _double(true.trans)) + camera.t
    estimate = regress(pose, pelvis, _double(true.betas), settings.regressor, streams[2])
    slam = track(camera, settings.slam, streams[3])

    frames = len(joints)
    orient, articulation = _axis_angle(estimate.pose)
    case: Arrays = {
        "fps": np.array(motion.fps, np.float32),
        "image_size": np.array(settings.camera.size, np.int64),
        "keypoints": _single(seen),
        "keypoint_layout": np.array(layout),
        **of_detector,
        "init_global_orient": orient,
        "init_body_pose": articulation,
        "init_betas": _single(estimate.betas),
        "init_transl": _single(estimate.transl),
        "cam_R": _single(slam.R),
        "cam_t": _single(slam.t),
        "cam_focal": np.full((frames, 2), slam.focal, np.float32),
        "cam_centre": np.tile(np.array(camera.centre, np.float32), (frames, 1)),
        "cam_metric": np.array(settings.slam.scale == (1.0, 1.0)),
    }
    if body is None:
        case["rest_joints"] = _single(rest)
    elif figure.name != "smpl":
        case["betas_model"] = np.array(figure.name)
    orient, articulation = _axis_angle(_double(true.pose))
    truth: Arrays = {
        "global_orient": orient,
        "body_pose": articulation,
        "transl": _single(_double(true.trans)),
        "betas": _single(_double(true.betas)),
        "joints": _single(joints),
        "cam_R": _single(camera.R),
        "cam_t": _single(camera.t),
        "cam_focal": np.full((frames, 2), camera.focal, np.float32),
        "slam_scale": np.array(slam.scale, np.float32),
    }
    return case, truth


def _motion(clip: Clip) -> HumanMotion:
    where = clip.path or clip.name
    if clip.truth is None or clip.truth.motion is None:
        raise BadInput(where, "motion", "the clip has no motion to simulate from")
    if clip.num_frames < 3:
        raise BadInput(where, "motion", f"has {clip.num_frames} frames; expected at least 3")
    return clip.truth.motion


def _shaped_as(motion: HumanMotion, body: Body) -> HumanMotion:
    """The same poses on ``body``; betas of another model are replaced by its mean shape."""
    if motion.betas_of == body.name:
        return motion
    return replace(motion, betas=torch.zeros_like(motion.betas), betas_of=body.name)


def _stick(clip: Clip) -> Body:
    from ...bodies.stick_body import StickBody

    if clip.rest_joints is None:
        problem = "is not known; name a body for the simulation"
        raise BadInput(clip.path or clip.name, "rest_joints", problem)
    return StickBody(clip.rest_joints)


def _points(motion: HumanMotion, body: Body, layout: str) -> tuple[Array, Array]:
    """World joints (T, 24, 3) and keypoints (T, J, 3), m."""
    batched = HumanMotion(motion.pose[None], motion.trans[None], motion.betas[None], motion.betas_of)
    with torch.no_grad():
        return _double(body.joints(batched)[0]), _double(body.keypoints(batched, layout)[0])


def _given(settings: SimulatorSettings, body: Body) -> Array:
    """(J,) bool: keypoints that the detector gives: those of the body, the face only if requested."""
    from ...bodies.stick_body import TreeBody

    names = LAYOUTS[settings.keypoints.layout]
    served = body.served(settings.keypoints.layout) if isinstance(body, TreeBody) else (True,) * len(names)
    face = np.array([any(part in name.split("_") for part in _FACE) for name in names])
    return np.array(served) & (~face | settings.keypoints.face)


def _axis_angle(pose: Array) -> tuple[Array, Array]:
    """Root (T, 3) and body (T, 23, 3) of (T, 24, 3, 3), float32."""
    rotvec = _single(matrix_to_axis_angle(torch.from_numpy(pose)).numpy())
    return rotvec[:, 0], rotvec[:, 1:]


def _double(tensor: torch.Tensor) -> Array:
    return tensor.detach().cpu().numpy().astype(np.float64)


def _single(array: Array) -> Array:
    return np.ascontiguousarray(array, dtype=np.float32)
