"""What a report of the embedded prior holds: validation by shard, samples, and the data beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffopt_core.host.train import windows
from diffopt_core.host.train.shards import Clips, by_travel, read
from diffopt_core.host.train.trainer import NetworkTraining
from torch import Tensor, nn

from diffopt_priors.mdm import weights
from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.features import embed
from diffopt_priors.train.mdm import objective, quality
from diffopt_priors.train.mdm.objective import Augmented
from diffopt_priors.train.mdm.quality import calibrate, spread_of
from diffopt_priors.train.settings import GUIDANCE, MDMSettings


def evaluate(denoiser: Denoiser, shards: list[Path], fps: float, window: int, samples: int = 32) -> dict[str, Any]:
    """Validation per shard (all windows of ``window`` frames) and quality of samples beside that of the data."""
    report: dict[str, Any] = {}
    for shard in shards:
        pose, root = windows.cut(read([shard]), window + 1)
        features = embed(pose, root, denoiser.offsets, fps)
        report[shard.stem] = quality.validation(denoiser, denoiser.normalise(features), fps)
        report[shard.stem]["data"] = quality.statistics(features, fps)
    if samples:
        report["samples"] = quality.statistics(quality.sample(denoiser, samples, window), fps)
    return report


#: offsets [24 3] (m), mean and std [D], basis [D D], autocovariance [D L].
Statistics = dict[str, Tensor]


class Trainer(NetworkTraining):
    """State of one training run: the denoiser, and the motion that it is shown."""

    name = "mdm"
    settings_type = MDMSettings
    held = ("statistics",)

    def __init__(self, settings: MDMSettings, clips: Clips, held_out: list[Path], statistics: Statistics) -> None:
        self.statistics, self.held_out = statistics, held_out
        self.clips = by_travel(clips, settings.travel)
        #: Seconds are not the same on two machines, samples are: how many to draw at each report.
        self.samples = 32
        self.card_core: dict[str, Any] = {
            "fps": clips.fps,
            "window": settings.window,
            "shortest": settings.shortest,
            "network": {
                "width": settings.width,
                "layers": settings.layers,
                "heads": settings.heads,
                "feedforward": settings.feedforward,
            },
            "diffusion": {"schedule": "cosine", "steps": settings.diffusion_steps, "colour": settings.colour},
            "skeleton": {"offsets": statistics["offsets"].tolist()},
            "mean": statistics["mean"].tolist(),
            "std": statistics["std"].tolist(),
        }
        self.longest = int(clips.length.max())
        self.draw = Augmented(self.clips, statistics["offsets"])
        self.channel_weight = objective.channel_weight(len(statistics["mean"]))
        super().__init__(settings, clips.files, [path.name for path in held_out])

    def build(self) -> nn.Module:
        self.denoiser = weights.build(self.card_core)
        assert self.denoiser.spectral is not None
        self.denoiser.spectral.load_state_dict({k: self.statistics[k] for k in ("basis", "autocovariance")})
        return self.denoiser.network

    def to(self, device: torch.device) -> None:
        super().to(device)
        self.denoiser.to(device)
        self.channel_weight = self.channel_weight.to(device)

    def generator(self) -> torch.Generator:
        """Random stream of the present step."""
        return torch.Generator().manual_seed((self.settings.seed * 10_000_019 + self.step_index) * 10)

    def losses(self) -> dict[str, Tensor]:
        s = self.settings
        generator = self.generator()
        # One length per batch: short clips take part, and no frame is padding.
        u, v = torch.rand(2, generator=generator).tolist()
        frames = s.window if u < 0.4 else s.shortest + int(v * (s.window - s.shortest + 1))
        rate_of, played = objective.playback(s.batch, s.played, generator, self.longest / (frames + 2))
        pose, root = self.draw(s.batch, frames + 1, generator, rate_of, played.any(1))
        features = embed(pose, root, self.statistics["offsets"], self.clips.fps)
        t, root_t = objective.noise_levels(len(features), s.diffusion_steps, generator)
        noise = torch.randn(features.shape, generator=generator)
        x = self.denoiser.normalise(features.to(self.device))
        total, parts = objective.loss(
            self.denoiser,
            x,
            t.to(self.device),
            root_t.to(self.device),
            noise.to(self.device),
            self.channel_weight,
            played=played.to(self.device),
            difference_weight=s.difference_weight,
            foot_weight=s.foot_weight,
        )
        return {"loss": total, **parts}

    def averaged(self) -> Denoiser:
        """A copy that holds the averaged weights, in evaluation mode."""
        copy = weights.build(self.card_core)
        copy.load_state_dict(self.state())
        return copy.eval().requires_grad_(False)

    def state(self) -> dict[str, Tensor]:
        """Averaged weights and spectral statistics, as a weight file holds them."""
        state = self.denoiser.state_dict() | {f"network.{key}": value for key, value in self.average.items()}
        return {key: value.cpu() for key, value in state.items()}

    def evaluate(self) -> dict[str, Any]:
        """Validation per held-out shard, and the quality of samples."""
        return evaluate(self.averaged(), self.held_out, self.clips.fps, self.settings.window, self.samples)

    def export(self, path: Path, report: dict[str, Any]) -> None:
        """Averaged weights and card."""
        card = {
            **self.card(path, report),
            "guidance": GUIDANCE,
            "calibration": calibrate(self.averaged(), self.clips),
            **({"spread": spread_of(self.averaged(), self.held_out, self.clips.fps)} if self.held_out else {}),
            **self.card_core,
        }
        weights.save(path, self.state(), card)
