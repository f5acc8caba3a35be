"""What ``prior mdm`` says of itself: denoising by noise level, and samples beside the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from diffopt_core.types import Scene
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.layout import POSITIONS
from diffopt_priors.mdm.term import MDMPrior
from diffopt_priors.report.ranking import Sections
from diffopt_priors.train.mdm import quality

#: Most motions between which the diversity is taken.
_PAIRS_OF = 64


@torch.no_grad()
def report(prior: MDMPrior, scene: Scene, parts: Mapping[str, Tensor], samples: int) -> Sections:
    """Sections ``reconstruction``, ``path`` and ``samples``; nothing for published weights, whose features differ."""
    if prior.official:
        return {}
    features = prior.features(scene).cpu()
    denoiser = prior.denoiser.cpu()
    out: Sections = {"x0 error by noise level (1 = variance of the data)": {}}
    levels = next(iter(out.values()))
    path: dict[str, dict[str, float | None]] = {}
    for name, rows in parts.items():
        found = quality.validation(denoiser, denoiser.normalise(features[rows]), prior.fps)
        levels[name] = found.pop("mse")
        path[name] = {k.removeprefix("path_"): v for k, v in found.items() if k.startswith("path_")}
    if any(path.values()):
        out["path read off the articulation"] = path
    if samples:
        out["samples beside the data"] = _beside(denoiser, features, parts, prior.fps, samples)
    return out


def _beside(
    denoiser: Denoiser, features: Tensor, parts: Mapping[str, Tensor], fps: float, samples: int
) -> dict[str, dict[str, float | None]]:
    """Samples as long as the windows, then each shard and all of them, and samples over all of the data."""
    drawn = quality.sample(denoiser, samples, features.shape[1])
    rows = {"samples": _row(drawn, fps), "data": _row(features, fps)}
    shards = {name: _row(features[some], fps) for name, some in parts.items()} if len(parts) > 1 else {}
    ratio = {key: _ratio(rows["samples"][key], rows["data"][key]) for key in rows["data"]}
    return {**rows, "samples / data": ratio, **shards}


def _row(features: Float[Tensor, "B T 263"], fps: float) -> dict[str, float | None]:
    found: dict[str, Any] = quality.statistics(features, fps)
    return {**{k: v for k, v in found.items() if isinstance(v, float | None)}, "diversity_mm": diversity(features)}


def _ratio(one: float | None, other: float | None) -> float | None:
    return None if one is None or not other else round(one / other, 3)


def diversity(features: Float[Tensor, "B T 263"]) -> float | None:
    """Mean distance of the joints (in the heading's frame, over the root's place) between two motions, mm a joint."""
    if len(features) < 2:
        return None
    some = features[torch.linspace(0, len(features) - 1, min(len(features), _PAIRS_OF)).round().long()]
    local = some[..., POSITIONS].unflatten(-1, (21, 3))
    total = torch.stack([(local - one).norm(dim=-1).mean((1, 2)).sum() for one in local]).sum()
    return round(float(total) / (len(local) * (len(local) - 1)) * 1000, 2)
