"""State of the pose prior's training: drawing, one step, evaluation, export."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffopt_core.host.train.trainer import NetworkTraining
from torch import Tensor

from diffopt_priors.train.vposer import quality
from diffopt_priors.train.vposer.loss import loss
from diffopt_priors.train.vposer.poses import Poses, draw
from diffopt_priors.train.vposer.settings import VPoserSettings
from diffopt_priors.vposer import weights
from diffopt_priors.vposer.network import VPoser

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
