"""What a report of the embedded prior holds: validation by shard, samples, and the data beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffopt_core.train import windows
from diffopt_core.train.shards import read

from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.features import embed
from diffopt_priors.train.mdm import quality


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
