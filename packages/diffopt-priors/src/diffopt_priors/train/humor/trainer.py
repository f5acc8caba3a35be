"""The state of a HuMoR training run. See :mod:`diffopt_core.host.train.loop` for what a run keeps and when it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffopt_core.errors import BadInput
from diffopt_core.host.train import shards, windows
from diffopt_core.host.train.shards import Clips
from diffopt_core.host.train.trainer import NetworkTraining
from torch import Tensor

from diffopt_priors.humor import weights
from diffopt_priors.humor.network import STATE, HuMoR
from diffopt_priors.humor.states import frame_of, into, out_of, pivot_of
from diffopt_priors.train.humor import objective, quality
from diffopt_priors.train.humor.objective import Rows, Statistics
from diffopt_priors.train.humor.settings import HuMoRSettings

#: Frames of a window beyond its transitions: one more state, and one on each side for central differences.
_MORE = 3


def hidden(width: int) -> dict[str, list[int]]:
    """Hidden layers in the proportions of the published model (width 1024)."""
    return {"encoder": [width] * 4, "prior_net": [width] * 4, "decoder": [width, width, width // 2]}


class HuMoRTraining(NetworkTraining):
    """The networks see normalised states; what is exported takes plain ones."""

    name = "humor"
    settings_type = HuMoRSettings
    held = ("offsets", "statistics")
    network: HuMoR

    def __init__(
        self, settings: HuMoRSettings, clips: Clips, validation: list[Path], offsets: Tensor,
        statistics: dict[str, Tensor],
    ) -> None:  # fmt: skip
        self.clips, self.offsets, self.statistics = clips, offsets, statistics
        self.units = Statistics(**statistics)
        self.validation = {path.stem: shards.read([path]) for path in validation}
        super().__init__(settings, clips.files, [path.name for path in validation])

    def build(self) -> HuMoR:
        return HuMoR(hidden(self.settings.width))

    def losses(self) -> dict[str, Tensor]:
        s = self.settings
        generator = torch.Generator().manual_seed((s.seed * 10_000_019 + self.step_index) * 10)
        own = self.step_index >= s.rollout_from and float(torch.rand(1, generator=generator)) < s.rollout_share
        examples = examples_of(self.clips, self.offsets, s, generator, self._own_states if own else None)
        noise = torch.randn(len(examples.past), self.network.latent, generator=generator)
        out = objective.forward(self.network, self.units, examples.past, examples.after, noise)
        kl_weight = s.kl_weight * min(1.0, self.step_index / max(1, s.kl_anneal))
        total, parts = objective.loss(out, examples, self.units, s, kl_weight)
        return {"loss": total, **parts}

    @torch.no_grad()
    def _own_states(self, sequence: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Pairs whose first is the model's own last state and whose second is the true one (scheduled sampling)."""
        pivot, state = pivot_of(sequence[:, 0]), sequence[:, 0]
        pairs = []
        for s in range(sequence.shape[1] - 1):
            frame = frame_of(state, pivot)
            past, after = into(state, frame), into(sequence[:, s + 1], frame)
            pairs.append((past, after))
            noise = torch.randn(len(past), self.network.latent, generator=generator)
            state = out_of(objective.forward(self.network, self.units, past, after, noise).decoded, frame)
        return torch.stack([p for p, _ in pairs], 1), torch.stack([a for _, a in pairs], 1)

    def folded(self) -> HuMoR:
        """The averaged networks as they are used: they take plain states."""
        model = self.build()
        model.load_state_dict(objective.fold(self.average, self.units))
        return model.eval().requires_grad_(False)

    def evaluate(self) -> dict[str, Any]:
        """Held-out quality by shard."""
        model, scales = self.folded(), objective.scales_of(self.units)
        return {name: quality.report(model, clips, self.offsets, scales) for name, clips in self.validation.items()}

    def export(self, path: Path, report: dict[str, Any]) -> None:
        """Averaged weights under the published names, and the card."""
        card = {
            **self.card(path, report),
            "fps": self.clips.fps,
            "root_offset": [0.0, 0.0, 0.0],
            "scales": objective.scales_of(self.units),
            "state": STATE,
            "skeleton": {"offsets": self.offsets.tolist()},
        }
        weights.save(path, objective.fold(self.average, self.units), card)


def examples_of(
    clips: Clips, offsets: Tensor, settings: HuMoRSettings, generator: torch.Generator, own: Any = None
) -> Rows:
    """Rows of augmented windows: mirrored, at another speed, on other bodies; yaw drops out of canonical states."""
    frames = settings.transitions + _MORE
    pose, root = windows.draw(clips, settings.windows, frames, generator)
    rest, legs = objective.bodies(offsets, len(pose), settings.proportions, generator)
    found, contacts = objective.sequences(pose, root * legs, rest, clips.fps)
    examples = objective.rows(found, contacts, rest)
    if own is None:
        return examples
    past, after = own(found, generator)
    return examples._replace(past=past.flatten(0, 1), after=after.flatten(0, 1))


def fresh(
    settings: HuMoRSettings, clips: Clips, validation: list[Path], offsets: Tensor, draws: int = 60
) -> HuMoRTraining:
    """New run; statistics from ``draws`` batches of the training distribution."""
    needed, longest = windows.reach_of(settings.transitions + _MORE), int(clips.length.max())
    if longest < needed:
        problem = f"the longest clip has {longest} frames; {settings.transitions} transitions a window need {needed}"
        raise BadInput(", ".join(clips.files), "starts", problem)
    generator = torch.Generator().manual_seed(settings.seed)
    many = [examples_of(clips, offsets, settings, generator) for _ in range(draws)]
    statistics = objective.measure(Rows(*(torch.cat(column) for column in zip(*many, strict=True))))
    return HuMoRTraining(settings, clips, validation, offsets, statistics._asdict())
