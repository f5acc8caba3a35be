"""Single poses of motion shards, drawn by subject.

Mirroring is the only augmentation: heading, position and speed are not in a pose. For the same reason clips on
stairs, ladders and seats (``_nonflat``), which a motion prior has to leave out, are welcome here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.data.skeleton import JOINTS, mirror_order
from diffopt_core.errors import BadInput
from diffopt_core.host.train import shards
from torch import Tensor

from diffopt_priors.vposer import network as layout

_PARTNERS = [j - 1 for j in mirror_order(JOINTS)[1 : 1 + layout.JOINTS]]
#: A rotation's axis is a pseudovector: mirroring x turns y and z.
_SIGNS = (1.0, -1.0, -1.0)


@dataclass(frozen=True)
class Poses:
    """``axis_angle`` of joints 1 to 21, rad; ``last``: running sum of the sampling weights of the frames."""

    axis_angle: Tensor  # [N 21 3]
    last: Tensor  # [N], float64, ends at 1
    files: tuple[str, ...]


def find(folder: Path, exclude: Iterable[str] = ()) -> list[Path]:
    """Training shards below a folder, those without flat ground too."""
    words = (*exclude, "_test", "_val")
    flat = shards.find(folder, validation=False, exclude=words)
    uneven = [p for p in folder.rglob("*_nonflat*.npz") if not any(w in str(p.relative_to(folder)) for w in words)]
    return sorted({*flat, *uneven})


def read(paths: list[Path], balance: float = 0.0) -> Poses:
    """Load shards. A frame's weight is (frames of its subject)^-balance: no subject dominates."""
    poses, subjects = [], []
    for path in paths:
        shard = shards.read_shard(path)
        matrix = axis_angle_to_matrix(torch.from_numpy(shard["poses"].astype(np.float32)))
        poses.append(layout.to_axis_angle(layout.body_of(matrix)))
        subjects.append(np.repeat(shard["subjects"].astype(str), np.diff(shard["starts"])))
    if not paths:
        raise BadInput("--data", "shards", "none to read")
    names = np.concatenate(subjects).tolist()
    frames = Counter(names)
    weight = torch.tensor([frames[name] ** -balance for name in names], dtype=torch.float64).cumsum(0)
    return Poses(torch.cat(poses), weight / weight[-1], tuple(path.name for path in paths))


def mirror(axis_angle: Tensor) -> Tensor:
    """Left-right mirrored poses ``[N 21 3]``."""
    return axis_angle[:, _PARTNERS] * axis_angle.new_tensor(_SIGNS)


def draw(poses: Poses, batch: int, generator: torch.Generator) -> Tensor:
    """Poses ``[batch 21 3]``, half of them mirrored."""
    share = torch.rand(batch, generator=generator, dtype=torch.float64)
    index = torch.searchsorted(poses.last, share).clamp(max=len(poses.last) - 1)
    chosen = poses.axis_angle[index]
    flip = torch.rand(batch, generator=generator) < 0.5
    return torch.where(flip[:, None, None], mirror(chosen), chosen)
