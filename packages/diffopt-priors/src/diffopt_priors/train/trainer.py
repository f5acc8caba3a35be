"""The state of a training run: networks, averaged weights, optimiser, step.

Every step draws from a generator seeded by (seed, step), so a resumed run continues bit for bit like one that
was never stopped, and no generator state is stored.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from diffopt_core.errors import BadInput
from torch import Tensor

from diffopt_priors.mdm import weights
from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.features import embed
from diffopt_priors.mdm.layout import STD_BLOCKS
from diffopt_priors.train import data, objective
from diffopt_priors.train.data import Clips
from diffopt_priors.train.settings import Settings


class Trainer:
    """State of one training run: networks, optimiser, step. ``step()`` is the hot path."""

    def __init__(self, settings: Settings, clips: Clips, offsets: Tensor, mean: Tensor, std: Tensor) -> None:
        torch.manual_seed(settings.seed)
        self.settings, self.clips = settings, clips
        self.card_core: dict[str, Any] = {
            "fps": clips.fps,
            "window": settings.window,
            "shortest": settings.shortest,
            "network": {
                "width": settings.width,
                "layers": settings.layers,
                "heads": settings.heads,
                "feedforward": settings.feedforward,
                "root_time": True,
            },
            "diffusion": {
                "schedule": "cosine",
                "steps": settings.diffusion_steps,
                "sigma_data": settings.sigma_data,
            },
            "skeleton": {"offsets": offsets.tolist()},
            "mean": mean.tolist(),
            "std": std.tolist(),
        }
        self.denoiser = weights.build(self.card_core)
        self.average = {k: v.detach().clone() for k, v in self.denoiser.network.state_dict().items()}
        self.optimizer = torch.optim.AdamW(
            self.denoiser.network.parameters(),
            lr=settings.rate,
            weight_decay=settings.weight_decay,
            betas=(0.9, 0.98),
        )
        self.step_index = 0
        self.channel_weight = objective.channel_weight(len(mean))

    def generator(self) -> torch.Generator:
        """Random stream of the present step."""
        return torch.Generator().manual_seed((self.settings.seed * 10_000_019 + self.step_index) * 10)

    def rate(self, decay_from: int | None, last: int | None) -> float:
        """Warm-up, constant, then a linear decay to zero between ``decay_from`` and ``last``."""
        rate = self.settings.rate * min(1.0, (self.step_index + 1) / self.settings.warmup)
        if decay_from is None or last is None or self.step_index < decay_from:
            return rate
        return rate * max(0.0, (last - self.step_index) / max(1, last - decay_from))

    def step(self, rate: float) -> dict[str, Tensor]:
        """One optimiser step; returns detached losses."""
        s = self.settings
        generator = self.generator()
        # One length per batch: short clips take part, and no frame is padding.
        u, v = torch.rand(2, generator=generator).tolist()
        frames = s.window if u < 0.4 else s.shortest + int(v * (s.window - s.shortest + 1))
        pose, root = data.draw(self.clips, s.batch, frames + 1, generator)
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
        copy.network.load_state_dict(self.average)
        return copy.eval().requires_grad_(False)

    def save(self, path: Path) -> None:
        """Checkpoint, replaced in one step."""
        state = {
            "settings": asdict(self.settings),
            "step": self.step_index,
            "network": self.denoiser.network.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "mean": self.denoiser.mean,
            "std": self.denoiser.std,
            "offsets": self.denoiser.offsets,
        }
        temporary = path.with_suffix(".tmp")
        torch.save(state, temporary)
        os.replace(temporary, path)

    @classmethod
    def resume(cls, path: Path, clips: Clips) -> Trainer:
        """Trainer as :meth:`save` left it."""
        state = torch.load(path, weights_only=True)
        trainer = cls(Settings(**state["settings"]), clips, state["offsets"], state["mean"], state["std"])
        trainer.denoiser.network.load_state_dict(state["network"])
        trainer.average = state["average"]
        trainer.optimizer.load_state_dict(state["optimizer"])
        trainer.step_index = state["step"]
        return trainer


def fresh(settings: Settings, clips: Clips, offsets: Tensor, draws: int = 40) -> Trainer:
    """New trainer; feature statistics from ``draws`` batches of the training distribution."""
    needed, longest = data.reach_of(settings.window + 1), int(clips.length.max())
    if longest < needed:
        raise BadInput(
            ", ".join(clips.files), "starts", f"the longest clip has {longest} frames; --window needs {needed}"
        )
    generator = torch.Generator().manual_seed(settings.seed)
    frames = min(settings.window, settings.shortest + 8) + 1
    batches = [data.draw(clips, settings.batch, frames, generator) for _ in range(draws)]
    features = torch.cat([embed(pose, root, offsets, clips.fps).flatten(0, 1) for pose, root in batches])
    mean, each = features.mean(0), features.var(0)
    std = torch.empty_like(mean)
    for block in STD_BLOCKS:
        # Root mean square, so that the block's mean variance is 1, as the preconditioning assumes.
        std[list(block)] = each[list(block)].mean().sqrt().clamp(min=1e-4)
    return Trainer(settings, clips, offsets, mean, std)
