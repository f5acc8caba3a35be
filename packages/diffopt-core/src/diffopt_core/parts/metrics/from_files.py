"""A result file and a truth file as what metrics see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...common.npz import read_npz
from ...data.rotation import axis_angle_to_matrix
from ...data.skeleton import JOINTS
from ...errors import BadInput
from ...types import CameraTrajectory, HumanMotion
from .evidence import ScoredMotion

Arrays = dict[str, np.ndarray]


def scored_from_files(pred: Path | str, truth: Path | str) -> ScoredMotion:
    """``pred``: a result folder or its ``motion.npz``; ``truth``: a truth file of the case format.

    Both hold ``joints (T, 24, 3)``, world, m, Y up; ``pred`` holds ``fps``. Rotations (``global_orient``,
    ``body_pose``, ``transl``) and cameras (``cam_R``, ``cam_t``) are read where they are and serve the metrics that
    want them; ``good`` (T,) of ``truth``, where it is there, says which frames count. Raises BadInput with file and
    key.
    """
    pred, truth = Path(pred), Path(truth)
    pred = pred / "motion.npz" if pred.is_dir() else pred
    ours, theirs = read_npz(pred), read_npz(truth)
    joints = _array(pred, ours, "joints", (None, len(JOINTS), 3))
    true = _array(truth, theirs, "joints", (None, len(JOINTS), 3))
    if len(joints) != len(true):
        raise BadInput(truth, "joints", f"{len(true)} frames, but {pred} has {len(joints)}")
    fps = float(_array(pred, ours, "fps", ()))
    if not (np.isfinite(fps) and fps > 0):
        raise BadInput(pred, "fps", f"is {fps}, expected frames per second")
    if "fps" in theirs and abs(float(_array(truth, theirs, "fps", ())) - fps) > 1e-3 * fps:
        raise BadInput(truth, "fps", f"is {float(theirs['fps'])}, but {pred} has {fps}")
    return ScoredMotion(
        pred=joints,
        true=true,
        fps=fps,
        names=JOINTS,
        pred_motion=_motion(pred, ours, len(joints)),
        true_motion=_motion(truth, theirs, len(true)),
        pred_camera=_camera(pred, ours, len(joints)),
        true_camera=_camera(truth, theirs, len(true)),
        good=_array(truth, theirs, "good", (len(true),)) > 0 if "good" in theirs else None,
    )


def _array(path: Path, arrays: Arrays, key: str, shape: tuple[int | None, ...]) -> Tensor:
    if key not in arrays:
        raise BadInput(path, key, f"is missing; the file has {', '.join(sorted(arrays)) or 'nothing'}")
    value = arrays[key]
    fits = value.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, value.shape, strict=True))
    if not fits or value.dtype.kind not in "fiub" or not value.size:
        want = ", ".join("T" if n is None else str(n) for n in shape)
        raise BadInput(path, key, f"has shape {value.shape} and type {value.dtype}, expected numbers ({want})")
    return torch.from_numpy(value.astype(np.float64))


def _motion(path: Path, arrays: Arrays, T: int) -> HumanMotion | None:
    if not {"global_orient", "body_pose", "transl"} <= arrays.keys():
        return None
    orient = _array(path, arrays, "global_orient", (T, 3))
    body = _array(path, arrays, "body_pose", (T, 23, 3))
    pose = axis_angle_to_matrix(torch.cat([orient[:, None], body], dim=1))
    # No metric reads the shape from a file: without a body model it means nothing.
    return HumanMotion(pose, _array(path, arrays, "transl", (T, 3)), torch.zeros(10, dtype=torch.float64))


def _camera(path: Path, arrays: Arrays, T: int) -> CameraTrajectory | None:
    if not {"cam_R", "cam_t"} <= arrays.keys():
        return None
    # Metrics read the pose alone; nan keeps anyone from projecting with intrinsics that were never read.
    unread = torch.full((T, 2), torch.nan, dtype=torch.float64)
    R, t = _array(path, arrays, "cam_R", (T, 3, 3)), _array(path, arrays, "cam_t", (T, 3))
    return CameraTrajectory(R, t, focal=unread, centre=unread)
