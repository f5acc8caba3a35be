"""From a trainer to a weight file: evaluate, describe, write."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from diffopt_priors.mdm import weights
from diffopt_priors.mdm.features import embed
from diffopt_priors.train import data, quality
from diffopt_priors.train.terms import terms_of
from diffopt_priors.train.trainer import Trainer


def validation_features(shards: list[Path], trainer: Trainer) -> dict[str, Tensor]:
    """Features of all windows of every validation shard, by the shard's name."""
    frames = trainer.settings.window + 1
    windows = {shard.stem: data.cut(data.read([shard]), frames) for shard in shards}
    offsets = trainer.denoiser.offsets
    return {name: embed(pose, root, offsets, trainer.clips.fps) for name, (pose, root) in windows.items()}


def evaluate(trainer: Trainer, held_out: dict[str, Tensor], samples: int = 32) -> dict[str, Any]:
    """Validation per shard and quality of samples beside that of the data."""
    denoiser, fps = trainer.averaged(), trainer.clips.fps
    report: dict[str, Any] = {}
    for name, features in held_out.items():
        report[name] = quality.validation(denoiser, denoiser.normalise(features), fps)
        report[name]["data"] = quality.statistics(features, fps)
    if samples:
        report["samples"] = quality.statistics(quality.sample(denoiser, samples, trainer.settings.window), fps)
    return report


def export(trainer: Trainer, path: Path, report: dict[str, Any], validation: list[Path]) -> None:
    """Write the averaged weights and the card."""
    files = trainer.clips.files
    card = {
        "name": path.stem,
        "step": trainer.step_index,
        "settings": asdict(trainer.settings),
        "training_files": list(files),
        "validation_files": [p.name for p in validation],
        "terms": terms_of(files),
        "report": report,
        **trainer.card_core,
    }
    weights.save(path, trainer.average, card)
