"""Poses of motion shards (docs/formats.md), as samples with weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from diffopt_core.errors import BadInput
from diffopt_core.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from diffopt_core.skeleton import JOINTS, NUM_JOINTS, mirror_order
from torch import Tensor

#: Joints 1 to 21: the data has no hands.
BODY = slice(1, 22)
_ORIGIN = "a motion shard holds poses (N, 24, 3), starts and subjects (docs/formats.md)"


@dataclass(frozen=True)
class Poses:
    """Samples of the body's pose and what each counts."""

    x: Tensor  # [N 63] axis-angle, rad
    weight: Tensor  # [N]
    files: tuple[str, ...]


def find(folder: Path, *, validation: bool, exclude: Iterable[str] = ()) -> list[Path]:
    """Shards below a folder, ``_val`` or all others; never ``_test``, and none whose path has a word to exclude."""
    if not folder.is_dir():
        raise BadInput(folder, "--data", "no such folder")
    words = ("_test", "_nonflat", *exclude)
    found = [path for path in sorted(folder.rglob("*.npz")) if ("_val" in path.stem) == validation]
    found = [path for path in found if not any(word in str(path.relative_to(folder)) for word in words)]
    if not found and not validation:
        raise BadInput(folder, "--data", f"no training shard (*.npz) found; {_ORIGIN}")
    return found


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """``poses [N 24 3]`` and the subject of every frame ``[N]``."""
    try:
        with np.load(path, allow_pickle=False) as file:
            data = {key: file[key] for key in ("poses", "starts", "subjects") if key in file.files}
    except (OSError, ValueError, BadZipFile) as error:
        raise BadInput(path, "file", f"not a readable .npz ({error}); {_ORIGIN}") from error
    for key in ("poses", "starts"):
        if key not in data:
            raise BadInput(path, key, f"missing; {_ORIGIN}")
    poses, starts = data["poses"], data["starts"]
    if poses.ndim != 3 or poses.shape[1:] != (NUM_JOINTS, 3):
        raise BadInput(path, "poses", f"has shape {poses.shape}, expected (N, {NUM_JOINTS}, 3); {_ORIGIN}")
    if not np.isfinite(poses).all():
        raise BadInput(path, "poses", "holds NaN or infinity")
    if starts.ndim != 1 or len(starts) < 2 or starts[0] != 0 or starts[-1] != len(poses) or (np.diff(starts) < 1).any():
        raise BadInput(path, "starts", f"must rise from 0 to {len(poses)}, the number of frames")
    subjects = data.get("subjects", np.array([path.stem] * (len(starts) - 1)))
    if subjects.shape != (len(starts) - 1,):
        raise BadInput(path, "subjects", f"has shape {subjects.shape}, expected {(len(starts) - 1,)}")
    return poses, np.repeat(subjects.astype(str), np.diff(starts))


def read(paths: list[Path], stride: int = 1, balance: float = 0.4, mirrored: bool = True) -> Poses:
    """Every ``stride``-th frame, and its left-right mirror image. A frame's weight is (frames of its
    subject)^-balance, so that no subject dominates."""
    pairs = [_read(path) for path in paths]
    subject = np.concatenate([names for _, names in pairs])[::stride]
    matrix = axis_angle_to_matrix(torch.from_numpy(np.concatenate([p for p, _ in pairs])[::stride]).float())
    _, index, count = np.unique(subject, return_inverse=True, return_counts=True)
    weight = torch.from_numpy(count[index] ** -balance)
    # a norm of at most pi, whatever the file wrote
    pose = matrix_to_axis_angle(matrix)
    if mirrored:
        flip = pose.new_tensor([1.0, -1.0, -1.0])  # an axis is mirrored like a cross product
        pose = torch.cat([pose, pose[:, list(mirror_order(JOINTS))] * flip])
        weight = torch.cat([weight, weight])
    return Poses(pose[:, BODY].flatten(1), weight, tuple(path.name for path in paths))
