"""State of the lifting network's training: drawing, one step, evaluation, checkpoint, export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import torch
from diffopt_core.errors import BadInput
from diffopt_core.host.train.loop import resuming, write_checkpoint
from diffopt_core.host.train.shards import Clips, by_travel
from diffopt_core.host.train.terms import terms_of
from torch import Tensor

from .. import weights
from ..inputs import CHANNELS, features
from ..network import LiftNetwork
from ..outputs import read
from . import quality
from .evidence import observe
from .loss import loss
from .motion import perform, rates
from .noise import Dice
from .settings import LiftSettings

#: Steps of a run that share nothing: a seed of its own for each.
_STRIDE = 1_000_003


class LiftTraining:
    """Implements the loop's ``Training``. All randomness comes from (seed, step)."""

    name = "lift"

    def __init__(
        self, settings: LiftSettings, clips: Clips, held_out: Mapping[str, Clips], offsets: Tensor,
        chain: list[dict[str, Any]] | None = None,
    ) -> None:  # fmt: skip
        torch.manual_seed(settings.seed)
        self.settings, self.held_out, self.offsets = settings, held_out, offsets
        self.clips = by_travel(clips, settings.motion.travel)
        #: Earlier runs that this one started from, oldest first: ``name``, ``step``, ``seed``.
        self.chain = chain or []
        self.step_index = 0
        self.network = self._build()
        self.average = {key: value.detach().clone() for key, value in self.network.state_dict().items()}
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=settings.rate, weight_decay=settings.weight_decay, betas=(0.9, 0.98)
        )

    @property
    def shape(self) -> dict[str, int]:
        """What the network is built from."""
        s = self.settings
        return {
            "width": s.width,
            "layers": s.layers,
            "heads": s.heads,
            "feedforward": s.feedforward,
            "kernel": s.kernel,
        }

    def _build(self) -> LiftNetwork:
        return LiftNetwork(CHANNELS, **self.shape)

    def step(self, rate: float) -> dict[str, Tensor]:
        """One optimiser step."""
        s = self.settings
        generator = torch.Generator().manual_seed(s.seed * _STRIDE + self.step_index)
        # Clips are too short for long windows at few frames a second: half the frames, twice the windows.
        slow = bool(torch.rand((), generator=generator) < s.motion.slow_share)
        batch, frames = (2 * s.batch, s.frames // 2) if slow else (s.batch, s.frames)
        dice = Dice(rates(s.motion, batch, slow, generator), frames, generator)
        with torch.no_grad():
            evidence, frame, target = observe(perform(self.clips, self.offsets, dice, s.motion, generator), dice, s)
            inputs = features(evidence, frame)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.network.train()
        time = torch.arange(frames) / dice.fps[:, None]
        with torch.autocast("cpu", torch.bfloat16):
            raw = self.network(inputs, time)
        parts = loss(read(raw.float()), target, dice.fps)
        self.optimizer.zero_grad(set_to_none=True)
        parts["loss"].backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        keep = min(s.ema, (1 + self.step_index) / (10 + self.step_index))
        with torch.no_grad():
            for key, value in self.network.state_dict().items():
                self.average[key].lerp_(value, 1 - keep)
        self.step_index += 1
        return {name: value.detach() for name, value in parts.items()}

    @torch.no_grad()
    def _validate(self) -> tuple[dict[str, Any], dict[str, float]]:
        network = self._build()
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
        """Report by validation shard and by what is given."""
        return self._validate()[0]

    def export(self, path: Path, report: dict[str, Any]) -> None:
        """Averaged weights and card."""
        card = {
            "name": path.stem,
            "step": self.step_index,
            "settings": asdict(self.settings),
            "network": self.shape,
            "training_files": list(self.clips.files),
            "validation_files": [file for clips in self.held_out.values() for file in clips.files],
            "terms": terms_of(self.clips.files),
            "chain": self.chain,
            "calibration": self._validate()[1],
            "report": report,
        }
        weights.save(path, self.average, card)

    def save(self, path: Path) -> None:
        """Checkpoint, replaced in one step."""
        state = {
            "kind": self.name,
            "settings": asdict(self.settings),
            "step": self.step_index,
            "files": list(self.clips.files),
            "network": self.network.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "offsets": self.offsets,
            "chain": self.chain,
        }
        write_checkpoint(path, state)


def settings_of(kind: type, values: Mapping[str, Any]) -> Any:
    """A settings dataclass from plain data, nested ones and tuples restored."""
    hints = get_type_hints(kind)
    made = {}
    for field in fields(kind):
        value = values[field.name]
        if is_dataclass(hints[field.name]):
            value = settings_of(hints[field.name], value)  # type: ignore[arg-type]
        made[field.name] = tuple(value) if isinstance(value, list) else value
    return kind(**made)


def resume(path: Path, clips: Clips, held_out: Mapping[str, Clips]) -> LiftTraining:
    """Training as :meth:`LiftTraining.save` left it."""
    with resuming(path, "lift") as state:
        training = LiftTraining(
            settings_of(LiftSettings, state["settings"]), clips, held_out, state["offsets"], state["chain"]
        )
        training.network.load_state_dict(state["network"])
        training.average = state["average"]
        training.optimizer.load_state_dict(state["optimizer"])
        training.step_index = state["step"]
        files = tuple(state["files"])
    if files != clips.files:
        raise BadInput(path, "files", f"was trained on {', '.join(files)}; --data now gives {', '.join(clips.files)}")
    return training


def start_from(path: Path, training: LiftTraining) -> None:
    """Take over the network of a weight file of the same shape; it becomes the last link of the chain."""
    network, card = weights.load(path)
    if card["network"] != training.shape:
        raise BadInput(path, "network", f"--from needs the same shape: {card['network']} against {training.shape}")
    training.network.load_state_dict(network.state_dict())
    training.average = {key: value.clone() for key, value in network.state_dict().items()}
    link = {
        "name": card["name"],
        "step": card["step"],
        "seed": card["settings"]["seed"],
        "files": card["training_files"],
    }
    training.chain = [*card["chain"], link]
