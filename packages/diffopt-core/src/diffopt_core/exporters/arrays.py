"""What every exporter writes: the arrays of a result, and the words without which they mislead."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from ..rotation import matrix_to_axis_angle
from ..types import CameraTrajectory, HumanMotion, Result

#: Written into every file as text.
CONVENTIONS: dict[str, str] = {
    "axes": "world: right-handed, Y up, floor at y = 0; a body that faces +z has its left on +x",
    "unit": "metre, radian, pixel, second",
    "rotations": "axis-angle, SMPL joint order; global_orient is the root in the world",
    "transl_is": "position of the pelvis joint in the world (SMPL's transl is this less the rest-pose pelvis)",
    "camera_direction": "world to camera: x_cam = cam_R x_world + cam_t; camera x right, y down, z forward",
}


def motion_arrays(result: Result) -> dict[str, np.ndarray]:
    """float32 arrays of a result: motion, joints, camera, fps; ``rest_joints`` where the body is a skeleton.

    joints (T, 24, 3), global_orient (T, 3), body_pose (T, 23, 3), transl (T, 3), betas (10,), cam_R (T, 3, 3),
    cam_t (T, 3), cam_focal and cam_centre (T, 2), image_size (2,) int. Where the clip was solved several times:
    root_band90 (T,) and joint_band90 (T, 24), m (:class:`diffopt_core.types.Spread`).
    """
    arrays = posed_arrays(result.joints, result.motion, result.camera) | {
        "image_size": np.array(result.clip.size, np.int64),
        "fps": np.array(result.clip.fps, np.float32),
    }
    if result.clip.rest_joints is not None:
        arrays["rest_joints"] = array(result.clip.rest_joints)
    if result.spread is not None:
        arrays["root_band90"] = array(result.spread.root)
        arrays["joint_band90"] = array(result.spread.joints)
    return arrays


def posed_arrays(joints: Tensor, motion: HumanMotion, camera: CameraTrajectory) -> dict[str, np.ndarray]:
    """Joints, motion and camera of :func:`motion_arrays`."""
    rotvec = array(matrix_to_axis_angle(motion.pose))
    return {
        "joints": array(joints),
        "global_orient": rotvec[:, 0],
        "body_pose": rotvec[:, 1:],
        "transl": array(motion.trans),
        "betas": array(motion.betas).reshape(-1),
        "cam_R": array(camera.R),
        "cam_t": array(camera.t),
        "cam_focal": array(camera.focal),
        "cam_centre": array(camera.centre),
    }


def labels(result: Result) -> dict[str, str]:
    """The conventions, and whose betas and joints these are."""
    return {**CONVENTIONS, "body_model": result.body_model, "betas_of": result.motion.betas_of}


def array(tensor: Tensor) -> np.ndarray:
    """A tensor as float32, on the host."""
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), dtype=np.float32)
