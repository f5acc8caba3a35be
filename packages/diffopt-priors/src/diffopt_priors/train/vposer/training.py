"""State of the pose prior's training: drawing, one step, evaluation, checkpoint, export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from diffopt_core.errors import BadInput
from diffopt_core.host.train.loop import resuming, write_checkpoint
from diffopt_core.host.train.terms import terms_of
from torch import Tensor

from diffopt_priors.train.vposer import quality
from diffopt_priors.train.vposer.loss import loss
from diffopt_priors.train.vposer.poses import Poses, draw
from diffopt_priors.train.vposer.settings import VPoserSettings
from diffopt_priors.vposer import weights
from diffopt_priors.vposer.network import VPoser

#: Steps of a run that share nothing: a seed of its own for each.
_STRIDE = 1_000_003


class VPoserTraining:
    """Implements the loop's ``Training``. All randomness, dropout too, comes from (seed, step)."""

    name = "vposer"

    def __init__(self, settings: VPoserSettings, poses: Poses, held_out: Mapping[str, Poses], offsets: Tensor) -> None:
        self.settings, self.poses, self.held_out, self.offsets = settings, poses, held_out, offsets
        self.step_index = 0
        torch.manual_seed(settings.seed)
        self.network = VPoser()
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=settings.rate, weight_decay=settings.weight_decay
        )

    def step(self, rate: float) -> dict[str, Tensor]:
        """One optimiser step."""
        seed = self.settings.seed * _STRIDE + self.step_index
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)  # dropout knows no generator of its own
        poses = draw(self.poses, self.settings.batch, generator)
        noise = torch.randn(len(poses), self.network.latent, generator=generator)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.network.train()
        parts = loss(self.network, poses, noise, self.offsets, self.settings)
        self.optimizer.zero_grad()
        parts["loss"].backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 100.0)
        self.optimizer.step()
        self.step_index += 1
        return {name: value.detach() for name, value in parts.items()}

    def evaluate(self) -> dict[str, Any]:
        """Report by validation shard."""
        self.network.eval()
        found = {
            name: quality.validation(self.network, poses.axis_angle, self.offsets)
            for name, poses in self.held_out.items()
        }
        return {f"{name}/{group}": values for name, report in found.items() for group, values in report.items()}

    def save(self, path: Path) -> None:
        """Checkpoint, replaced in one step."""
        state = {
            "kind": self.name,
            "settings": asdict(self.settings),
            "step": self.step_index,
            "files": list(self.poses.files),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "offsets": self.offsets,
        }
        write_checkpoint(path, state)

    def export(self, path: Path, report: dict[str, Any]) -> None:
        """Weights and card."""
        card = {
            "step": self.step_index,
            "settings": asdict(self.settings),
            "training_files": list(self.poses.files),
            "validation_files": [file for poses in self.held_out.values() for file in poses.files],
            "terms": terms_of(self.poses.files),
            "augmentation": "mirroring; heading, position and speed are not in a pose",
            "report": report,
        }
        weights.export(path, self.network, card)


def resume(path: Path, poses: Poses, held_out: Mapping[str, Poses]) -> VPoserTraining:
    """Training as :meth:`VPoserTraining.save` left it."""
    with resuming(path, "vposer") as state:
        training = VPoserTraining(VPoserSettings(**state["settings"]), poses, held_out, state["offsets"])
        training.network.load_state_dict(state["network"])
        training.optimizer.load_state_dict(state["optimizer"])
        training.step_index = state["step"]
        files = tuple(state["files"])
    if files != poses.files:
        raise BadInput(path, "files", f"was trained on {', '.join(files)}; --data now gives {', '.join(poses.files)}")
    return training
