"""``evidence.npz`` beside a motion: keypoints, initial motion and camera, losses and video, restored into the
result."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...common.npz import Arrays, check_arrays, read_npz
from ...data.rotation import axis_angle_to_matrix
from ...data.skeleton import LAYOUTS
from ...errors import BadInput
from ...parts.exporters import FILE
from ...types import CameraTrajectory, HumanMotion, Observations, Result, Video

log = logging.getLogger(__name__)
_SHAPES: dict[str, tuple[int, ...]] = {
    "initial_joints": (-1, 24, 3), "initial_global_orient": (-1, 3), "initial_body_pose": (-1, 23, 3),
    "initial_transl": (-1, 3), "initial_betas": (10,), "initial_cam_R": (-1, 3, 3), "initial_cam_t": (-1, 3),
    "initial_cam_focal": (-1, 2), "initial_cam_centre": (-1, 2),
}  # fmt: skip
_LOSSES = ("loss_names", "loss_steps", "losses")


def with_evidence(result: Result, folder: Path, facts: Mapping[str, Any]) -> Result:
    """``result`` with its observations, initial motion and camera, losses and video; unchanged if the folder has no
    ``evidence.npz``. ``facts``: the evidence entry of run.json. Raises BadInput naming file and key."""
    file = folder / FILE
    if not file.is_file():
        return result
    arrays = read_npz(file)
    frames = result.clip.num_frames
    check_arrays(file, arrays, _SHAPES, frames)
    camera = CameraTrajectory(
        _tensor(arrays, "initial_cam_R"), _tensor(arrays, "initial_cam_t"), _tensor(arrays, "initial_cam_focal"),
        _tensor(arrays, "initial_cam_centre"), "metre", True,
    )  # fmt: skip
    pose = torch.cat([_tensor(arrays, "initial_global_orient")[:, None], _tensor(arrays, "initial_body_pose")], dim=1)
    initial = HumanMotion(
        axis_angle_to_matrix(pose), _tensor(arrays, "initial_transl"), _tensor(arrays, "initial_betas"),
        result.motion.betas_of,
    )  # fmt: skip
    seen = _observations(file, arrays, frames, dict(facts.get("detector", {})))
    video = _video(file, arrays, result.clip.size, frames)
    return replace(
        result,
        clip=replace(result.clip, observations=seen, video=video),
        initial=initial,
        initial_camera=camera,
        initial_joints=_tensor(arrays, "initial_joints"),
        log=_losses(file, arrays),
    )


def _observations(file: Path, arrays: Arrays, frames: int, facts: dict[str, Any]) -> Observations | None:
    if "keypoints" not in arrays:
        return None
    layout = str(arrays.get("keypoint_layout", ""))
    if layout not in LAYOUTS:
        raise BadInput(file, "keypoint_layout", f"is '{layout}'; known: {', '.join(LAYOUTS)}")
    shape = (frames, len(LAYOUTS[layout]), 3)
    if arrays["keypoints"].shape != shape:
        raise BadInput(file, "keypoints", f"has shape {arrays['keypoints'].shape}; expected {shape}")
    valid = arrays.get("valid", np.ones(frames, bool)).astype(bool)
    if valid.shape != (frames,):
        raise BadInput(file, "valid", f"has shape {valid.shape}; expected ({frames},)")
    return Observations(_tensor(arrays, "keypoints"), layout, torch.from_numpy(valid), facts=facts)


def _losses(file: Path, arrays: Arrays) -> dict[str, dict[str, list[float]]]:
    if lacking := [key for key in _LOSSES if key not in arrays]:
        raise BadInput(file, lacking[0], "is missing: the file was written by another version; repeat the run")
    names, steps, values = (arrays[key] for key in _LOSSES)
    if names.shape != (len(steps), 2) or int(steps.sum()) != len(values):
        raise BadInput(file, "losses", f"has {len(values)} values, expected {int(steps.sum())} by loss_steps")
    out: dict[str, dict[str, list[float]]] = {}
    if not len(names):  # no step was run
        return out
    for (stage, term), curve in zip(names.tolist(), np.split(values, np.cumsum(steps)[:-1]), strict=True):
        out.setdefault(str(stage), {})[str(term)] = curve.tolist()
    return out


def _video(file: Path, arrays: Arrays, size: tuple[int, int], frames: int) -> Video | None:
    """The clip's images, if they still exist at their path or beside the result."""
    if "video" not in arrays:
        return None
    said = Path(str(arrays["video"]))
    found = next((place for place in (said, file.parent / said.name) if place.exists()), None)
    if found is None:
        log.warning("%s: the video no longer exists, so no images are shown", said)
        return None
    numbers = arrays.get("video_frames", np.zeros(0, np.int64))
    if numbers.shape != (frames,):
        raise BadInput(file, "video_frames", f"has shape {numbers.shape}; expected ({frames},)")
    return Video(found, tuple(numbers.astype(int).tolist()), size, int(arrays.get("video_rotation", 0)))


def _tensor(arrays: Arrays, key: str) -> Tensor:
    return torch.from_numpy(arrays[key]).float()
