"""Training of the lifting network: batches, steps, evaluation, checkpoint, export."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffopt_core.errors import BadInput
from diffopt_core.host.train.shards import Clips, by_travel
from diffopt_core.host.train.trainer import NetworkTraining
from torch import Tensor

from ..inputs import CHANNELS, features
from ..network import LiftNetwork, load, save
from ..outputs import read
from . import quality
from .evidence import observe
from .loss import loss
from .motion import perform, rates
from .noise import Dice
from .settings import LiftSettings

#: Purposes with separate random seeds.
_STRIDE = 1_000_003


class LiftTraining(NetworkTraining):
    """All random numbers depend only on (seed, step)."""

    name = "lift"
    settings_type = LiftSettings

    def __init__(self, settings: LiftSettings, clips: Clips, held_out: Mapping[str, Clips], offsets: Tensor) -> None:
        self.held_out, self.offsets = held_out, offsets
        self.clips = by_travel(clips, settings.motion.travel)
        super().__init__(settings, clips.files, [file for each in held_out.values() for file in each.files])

    @property
    def shape(self) -> dict[str, int]:
        """Hyper-parameters of the network."""
        s = self.settings
        return {
            "width": s.width,
            "layers": s.layers,
            "heads": s.heads,
            "feedforward": s.feedforward,
            "kernel": s.kernel,
        }

    def build(self) -> LiftNetwork:
        return LiftNetwork(CHANNELS, **self.shape)

    def losses(self) -> dict[str, Tensor]:
        s = self.settings
        generator = torch.Generator().manual_seed(s.seed * _STRIDE + self.step_index)
        # At low frame rates clips are too short for long windows: half the frames, twice the windows.
        slow = bool(torch.rand((), generator=generator) < s.motion.slow_share)
        batch, frames = (2 * s.batch, s.frames // 2) if slow else (s.batch, s.frames)
        dice = Dice(rates(s.motion, batch, slow, generator), frames, generator)
        with torch.no_grad():
            evidence, frame, target = observe(perform(self.clips, self.offsets, dice, s.motion, generator), dice, s)
            inputs = features(evidence, frame)
        time = torch.arange(frames) / dice.fps[:, None]
        with torch.autocast("cpu", torch.bfloat16):
            raw = self.network(inputs, time)
        return loss(read(raw.float()), target, dice.fps)

    @torch.no_grad()
    def _validate(self) -> tuple[dict[str, Any], dict[str, float]]:
        network = self.build()
        network.load_state_dict(self.average)
        network.eval()
        report: dict[str, Any] = {}
        pooled: dict[str, list[Tensor]] = {}
        for name, clips in self.held_out.items():
            part, found = quality.held_out(network, clips, self.offsets, self.settings)
            report |= {f"{name}/{given}": figures for given, figures in part.items()}
            for key, value in found.items():
                pooled.setdefault(key, []).append(value)
        return report, quality.calibration({key: torch.cat(parts) for key, parts in pooled.items()})

    def evaluate(self) -> dict[str, Any]:
        """Report by validation shard and by inputs."""
        return self._validate()[0]

    def export(self, path: Path, report: dict[str, Any]) -> None:
        """Averaged weights and card."""
        card = {**self.card(path, report), "network": self.shape, "calibration": self._validate()[1]}
        save(path, self.average, card)


def start_from(path: Path, training: LiftTraining) -> None:
    """Start from the network of a weight file of the same shape, which is recorded as the last entry of ``chain``."""
    network, card = load(path)
    if card["network"] != training.shape:
        raise BadInput(
            path,
            "network",
            f"has the shape {card['network']}; --from needs the same shape as the training: {training.shape}",
        )
    training.adopt(network.state_dict())
    link = {
        "name": card["name"],
        "step": card["step"],
        "seed": card["settings"]["seed"],
        "files": card["training_files"],
    }
    training.chain = [*card["chain"], link]
