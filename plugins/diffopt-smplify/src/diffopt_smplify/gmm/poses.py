"""Poses of motion shards (docs/formats.md), as samples with weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from diffopt_core.data.skeleton import JOINTS, mirror_order
from diffopt_core.host.train.shards import read_shard
from torch import Tensor

#: Joints 1 to 21: the data has no hands.
BODY = slice(1, 22)


@dataclass(frozen=True)
class Poses:
    """Samples of the body's pose and what each counts."""

    x: Tensor  # [N 63] axis-angle, rad
    weight: Tensor  # [N]
    files: tuple[str, ...]


def read(paths: list[Path], stride: int = 1, balance: float = 0.4, mirrored: bool = True) -> Poses:
    """Every ``stride``-th frame, and its left-right mirror image. A frame's weight is (frames of its
    subject)^-balance, so that no subject dominates."""
    shards = [read_shard(path, ("poses", "starts")) for path in paths]
    subject = np.concatenate([np.repeat(s["subjects"].astype(str), np.diff(s["starts"])) for s in shards])[::stride]
    matrix = axis_angle_to_matrix(torch.from_numpy(np.concatenate([s["poses"] for s in shards])[::stride]).float())
    _, index, count = np.unique(subject, return_inverse=True, return_counts=True)
    weight = torch.from_numpy(count[index] ** -balance)
    # a norm of at most pi, whatever the file wrote
    pose = matrix_to_axis_angle(matrix)
    if mirrored:
        flip = pose.new_tensor([1.0, -1.0, -1.0])  # an axis is mirrored like a cross product
        pose = torch.cat([pose, pose[:, list(mirror_order(JOINTS))] * flip])
        weight = torch.cat([weight, weight])
    return Poses(pose[:, BODY].flatten(1), weight, tuple(path.name for path in paths))
