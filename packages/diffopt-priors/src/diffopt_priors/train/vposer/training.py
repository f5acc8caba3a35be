"""Training of the pose prior: single poses of motion shards drawn by subject, one step, evaluation, export.

Mirroring is the only augmentation: heading, position and speed are not in a pose. For the same reason clips on
stairs, ladders and seats (``_nonflat``), which a motion prior has to leave out, are welcome here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.data.skeleton import JOINTS, mirror_order
from diffopt_core.errors import BadInput
from diffopt_core.host.train import shards
from diffopt_core.host.train.trainer import NetworkTraining
from torch import Tensor

from diffopt_priors.train.vposer import quality
from diffopt_priors.train.vposer.quality import loss
from diffopt_priors.train.vposer.settings import VPoserSettings
from diffopt_priors.vposer import network as layout
from diffopt_priors.vposer import weights
from diffopt_priors.vposer.network import VPoser

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


#: Steps of a run that share nothing: a seed of its own for each.
_STRIDE = 1_000_003


class VPoserTraining(NetworkTraining):
    """All randomness, dropout too, comes from (seed, step)."""

    name = "vposer"
    settings_type = VPoserSettings
    network: VPoser
    betas = (0.9, 0.999)
    max_norm = 100.0

    def __init__(self, settings: VPoserSettings, poses: Poses, held_out: Mapping[str, Poses], offsets: Tensor) -> None:
        self.poses, self.held_out, self.offsets = poses, held_out, offsets
        super().__init__(settings, poses.files, [file for each in held_out.values() for file in each.files])

    def build(self) -> VPoser:
        return VPoser()

    def losses(self) -> dict[str, Tensor]:
        seed = self.settings.seed * _STRIDE + self.step_index
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)  # dropout knows no generator of its own
        poses = draw(self.poses, self.settings.batch, generator)
        noise = torch.randn(len(poses), self.network.latent, generator=generator)
        return loss(self.network, poses, noise, self.offsets, self.settings)

    def evaluate(self) -> dict[str, Any]:
        """Report by validation shard."""
        self.network.eval()
        found = {
            name: quality.validation(self.network, poses.axis_angle, self.offsets)
            for name, poses in self.held_out.items()
        }
        return {f"{name}/{group}": values for name, report in found.items() for group, values in report.items()}

    def export(self, path: Path, report: dict[str, Any]) -> None:
        """Weights and card."""
        augmentation = "mirroring; heading, position and speed are not in a pose"
        weights.export(path, self.network, {**self.card(path, report), "augmentation": augmentation})
