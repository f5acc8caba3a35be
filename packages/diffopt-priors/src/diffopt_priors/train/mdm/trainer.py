"""What a report of the embedded prior holds: validation by shard, samples, and the data beside them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from diffopt_core.host.train import windows
from diffopt_core.host.train.loop import resuming, write_checkpoint
from diffopt_core.host.train.shards import Clips, by_travel, read
from diffopt_core.host.train.terms import terms_of
from torch import Tensor

from diffopt_priors.mdm import weights
from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.features import embed
from diffopt_priors.train.mdm import objective, quality
from diffopt_priors.train.mdm.augment import Augmented
from diffopt_priors.train.mdm.calibrate import calibrate, spread_of
from diffopt_priors.train.mdm.settings import GUIDANCE, Settings


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


class Trainer:
    """State of one training run: networks, optimiser, step. ``step()`` is the hot path."""

    name = "mdm"

    def __init__(self, settings: Settings, clips: Clips, statistics: Statistics, held_out: list[Path]) -> None:
        torch.manual_seed(settings.seed)
        self.settings, self.statistics, self.held_out = settings, statistics, held_out
        self.clips = by_travel(clips, settings.travel)
        #: Seconds are not the same on two machines, samples are: how many to draw at each report.
        self.samples = 32
        #: What this run started from, oldest first: name, step and sha256 of each weight file.
        self.chain: list[dict[str, Any]] = []
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
        self.denoiser = weights.build(self.card_core)
        assert self.denoiser.spectral is not None
        self.denoiser.spectral.load_state_dict({k: statistics[k] for k in ("basis", "autocovariance")})
        self.average = {k: v.detach().clone() for k, v in self.denoiser.network.state_dict().items()}
        self.optimizer = torch.optim.AdamW(
            self.denoiser.network.parameters(),
            lr=settings.rate,
            weight_decay=settings.weight_decay,
            betas=(0.9, 0.98),
        )
        self.step_index = 0
        self.longest = int(clips.length.max())
        self.draw = Augmented(self.clips, statistics["offsets"])
        self.channel_weight = objective.channel_weight(len(statistics["mean"]))

    def generator(self) -> torch.Generator:
        """Random stream of the present step."""
        return torch.Generator().manual_seed((self.settings.seed * 10_000_019 + self.step_index) * 10)

    def step(self, rate: float) -> dict[str, Tensor]:
        """One optimiser step; returns detached losses."""
        s = self.settings
        generator = self.generator()
        # One length per batch: short clips take part, and no frame is padding.
        u, v = torch.rand(2, generator=generator).tolist()
        frames = s.window if u < 0.4 else s.shortest + int(v * (s.window - s.shortest + 1))
        rate_of, played = objective.playback(s.batch, s.played, generator, self.longest / (frames + 2))
        pose, root = self.draw(s.batch, frames + 1, generator, rate_of, played.any(1))
        x = self.denoiser.normalise(embed(pose, root, self.denoiser.offsets, self.clips.fps))
        t, root_t = objective.noise_levels(len(x), s.diffusion_steps, generator)
        noise = torch.randn(x.shape, generator=generator)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        total, parts = objective.loss(
            self.denoiser,
            x,
            t,
            root_t,
            noise,
            self.channel_weight,
            played=played,
            difference_weight=s.difference_weight,
            foot_weight=s.foot_weight,
        )
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.denoiser.network.parameters(), 1.0)
        self.optimizer.step()
        keep = min(s.ema, (1 + self.step_index) / (10 + self.step_index))
        with torch.no_grad():
            for name, value in self.denoiser.network.state_dict().items():
                self.average[name].lerp_(value, 1 - keep)
        self.step_index += 1
        return {"loss": total.detach(), **parts}

    def averaged(self) -> Denoiser:
        """A copy that holds the averaged weights, in evaluation mode."""
        copy = weights.build(self.card_core)
        copy.load_state_dict(self.state())
        return copy.eval().requires_grad_(False)

    def state(self) -> dict[str, Tensor]:
        """Averaged weights and spectral statistics, as a weight file holds them."""
        state = self.denoiser.state_dict()
        return {**state, **{f"network.{k}": v for k, v in self.average.items()}}

    def evaluate(self) -> dict[str, Any]:
        """Validation per held-out shard, and the quality of samples."""
        return evaluate(self.averaged(), self.held_out, self.clips.fps, self.settings.window, self.samples)

    def export(self, path: Path, report: dict[str, Any]) -> None:
        """Averaged weights and card."""
        files = self.clips.files
        card = {
            "name": path.stem,
            "step": self.step_index,
            "chain": self.chain,
            "settings": asdict(self.settings),
            "training_files": list(files),
            "validation_files": [p.name for p in self.held_out],
            "terms": terms_of(files),
            "report": report,
            "guidance": GUIDANCE,
            "calibration": calibrate(self.averaged(), self.clips),
            **({"spread": spread_of(self.averaged(), self.held_out, self.clips.fps)} if self.held_out else {}),
            **self.card_core,
        }
        weights.save(path, self.state(), card)

    def save(self, path: Path) -> None:
        """Checkpoint, replaced in one step."""
        state = {
            "settings": asdict(self.settings),
            "step": self.step_index,
            "network": self.denoiser.network.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "statistics": self.statistics,
            "chain": self.chain,
        }
        write_checkpoint(path, state)

    @classmethod
    def resume(cls, path: Path, clips: Clips, held_out: list[Path]) -> Trainer:
        """Trainer as :meth:`save` left it."""
        with resuming(path, cls.name) as state:
            trainer = cls(Settings(**state["settings"]), clips, state["statistics"], held_out)
        trainer.denoiser.network.load_state_dict(state["network"])
        trainer.average = state["average"]
        trainer.optimizer.load_state_dict(state["optimizer"])
        trainer.step_index = state["step"]
        trainer.chain = state.get("chain", [])
        return trainer
