"""Exporters of ``motion.npz``, ``motion.json`` and ``evidence.npz``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..common.npz import Arrays, atomic, write_npz
from ..data.contact import LEAST_RATE, standing
from ..data.rotation import matrix_to_axis_angle
from ..data.skeleton import FEET, JOINTS
from ..types import CameraTrajectory, HumanMotion, Result
from .assumed import as_data, marked

#: Conventions that are written into every file as text.
CONVENTIONS: dict[str, str] = {
    "axes": "world: right-handed, Y up, floor at y = 0; a body that faces +z has its left on +x",
    "unit": "metre, radian, pixel, second",
    "rotations": "axis-angle, SMPL joint order; global_orient is the root in the world",
    "transl_is": "position of the pelvis joint in the world (SMPL's transl is this less the rest-pose pelvis)",
    "camera_direction": "world to camera: x_cam = cam_R x_world + cam_t; camera x right, y down, z forward",
    "contact_of": " ".join(JOINTS[foot] for foot in FEET),
}


def motion_arrays(result: Result) -> dict[str, np.ndarray]:
    """float32 arrays of a result: motion, joints, camera, fps; ``rest_joints`` if the body is a skeleton.

    joints (T, 24, 3), global_orient (T, 3), body_pose (T, 23, 3), transl (T, 3), betas (10,), cam_R (T, 3, 3),
    cam_t (T, 3), cam_focal and cam_centre (T, 2), image_size (2,) int; and those of :func:`frame_marks`.
    """
    arrays = posed_arrays(result.joints, result.motion, result.camera) | {
        "image_size": np.array(result.clip.size, np.int64),
        "fps": np.array(result.clip.fps, np.float32),
    }
    if result.clip.rest_joints is not None:
        arrays["rest_joints"] = array(result.clip.rest_joints)
    return arrays | {key: value.detach().cpu().numpy() for key, value in frame_marks(result).items()}


def frame_marks(result: Result) -> dict[str, Tensor]:
    """What is known of each frame besides the motion; a key is left out where it is not known.

    valid (T,) bool: the person was found; bridged (T,) bool: person or camera was filled in from other frames; contact
    (T, 4) bool: which of ``contact_of`` stands (:mod:`diffopt_core.data.contact`); of a clip that was solved several
    times root_band90 (T,) and joint_band90 (T, 24), m (:class:`diffopt_core.types.Spread`).
    """
    clip, marks, frames = result.clip, dict[str, Tensor](), len(result.joints)
    seen = clip.observations.valid.cpu() if clip.observations is not None else None
    filled = clip.camera.filled.cpu() if clip.camera is not None and clip.camera.filled is not None else None
    if seen is not None and len(seen) == frames:  # not so for a result that somebody cut
        marks["valid"] = seen
        marks["bridged"] = ~seen
    if filled is not None and len(filled) == frames:
        marks["bridged"] = filled | marks.get("bridged", torch.zeros_like(filled))
    if clip.fps >= LEAST_RATE:
        marks["contact"] = standing(result.joints, clip.fps)
    if result.spread is not None:
        marks |= {"root_band90": result.spread.root.float(), "joint_band90": result.spread.joints.float()}
    return marks


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
    """The conventions as text, the body models of joints and betas, and the assumptions of the result."""
    names = {"body_model": result.body_model, "betas_of": result.motion.betas_of}
    return {**CONVENTIONS, **names, "scale": marked("m", result), "assumed": json.dumps(as_data(result))}


def array(tensor: Tensor) -> np.ndarray:
    """A tensor as float32, on the host."""
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), dtype=np.float32)


class NpzExporter:
    """Implements :class:`diffopt_core.interfaces.Exporter`."""

    def export(self, result: Result, folder: Path) -> list[Path]:
        """Write ``motion.npz`` atomically; raises DiffOptError naming a folder that cannot be written."""
        path = folder / "motion.npz"
        words = {key: np.array(text) for key, text in labels(result).items()}
        write_npz(path, {**motion_arrays(result), **words})
        return [path]


FILE = "evidence.npz"


class EvidenceExporter:
    """Implements :class:`diffopt_core.interfaces.Exporter`."""

    def export(self, result: Result, folder: Path) -> list[Path]:
        """Write ``evidence.npz`` atomically; raises DiffOptError naming a folder that cannot be written."""
        path = folder / FILE
        write_npz(path, evidence_arrays(result))
        return [path]


def evidence_arrays(result: Result) -> Arrays:
    """Arrays under the keys of ``docs/conventions.md``; float32, and text without pickles."""
    clip, first = result.clip, posed_arrays(result.initial_joints, result.initial, result.initial_camera)
    arrays: Arrays = {f"initial_{key}": value for key, value in first.items()} | _losses(result.log)
    if clip.observations is not None:
        arrays["keypoints"] = array(clip.observations.keypoints)
        arrays["keypoint_layout"] = np.array(clip.observations.layout)
        arrays["valid"] = clip.observations.valid.detach().cpu().numpy()
    if clip.video is not None:
        arrays["video"] = np.array(str(clip.video.path.absolute()))
        arrays["video_frames"] = np.array(clip.video.frames, np.int64)
        arrays["video_rotation"] = np.array(clip.video.rotation)
    return arrays


def _losses(log: dict[str, dict[str, list[float]]]) -> Arrays:
    """All loss curves, concatenated: ``loss_names`` (K, 2) stage and term, ``loss_steps`` (K,), ``losses`` (sum of
    ``loss_steps``,)."""
    curves = [(stage, term, values) for stage, terms in log.items() for term, values in terms.items()]
    return {
        "loss_names": np.array([row[:2] for row in curves], np.str_).reshape(-1, 2),
        "loss_steps": np.array([len(values) for *_, values in curves], np.int64),
        "losses": np.array([value for *_, values in curves for value in values], np.float32),
    }


class JsonExporter:
    """Implements :class:`diffopt_core.interfaces.Exporter`."""

    def export(self, result: Result, folder: Path) -> list[Path]:
        """Write ``motion.json`` atomically; raises DiffOptError naming a folder that cannot be written."""
        content = {
            "name": result.clip.name,
            "status": str(result.status),
            "conventions": labels(result),
            "metrics": _rounded(result.metrics),
            **{key: _listed(value) for key, value in motion_arrays(result).items()},
        }
        path = folder / "motion.json"
        text = json.dumps(content, separators=(",", ":"), allow_nan=False)
        with atomic(path) as file:
            file.write(text.encode() + b"\n")
        return [path]


def _listed(values: np.ndarray) -> Any:
    """An array as lists, rounded as :func:`_rounded` does, in one go."""
    if values.dtype.kind != "f" or not np.isfinite(values).all():
        return _rounded(values.tolist())
    return np.round(values.astype(np.float64), 5).tolist()


def _rounded(value: Any) -> Any:
    """Numbers rounded to a hundredth of a millimetre; nan and infinity become null."""
    if isinstance(value, float):
        return round(value, 5) if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return {key: _rounded(item) for key, item in value.items()} if isinstance(value, dict) else value
