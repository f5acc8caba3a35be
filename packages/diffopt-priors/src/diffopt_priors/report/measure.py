"""What is measured of a prior, for which bones, and what ``prior mdm`` says of itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from diffopt_core.errors import MissingResource
from diffopt_core.host.train.shards import read_offsets
from diffopt_core.interfaces import Energy
from diffopt_core.types import Scene
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.cards import MDM_WEIGHTS
from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.features import POSITIONS
from diffopt_priors.mdm.term import MDMPrior
from diffopt_priors.report.held import CORRUPTIONS, STILL, Held, find_skeleton
from diffopt_priors.report.ranking import Asked, Reports, Sections, ranking
from diffopt_priors.train.mdm import quality

#: Most motions between which the diversity is taken.
_PAIRS_OF = 64


@torch.no_grad()
def of_mdm(prior: MDMPrior, scene: Scene, parts: Mapping[str, Tensor], samples: int) -> Sections:
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


def bones(skeleton: Path | None, path: Path, files: Sequence[Path]) -> tuple[Tensor, list[str]]:
    """Offsets ``[24 3]`` (m), and a notice where the data has no ``skeleton.json`` of its own."""
    found = skeleton or find_skeleton(path, files)
    if found is not None:
        return read_offsets(found), []
    cards = sorted(MDM_WEIGHTS.folder.glob("mdm_*.json"))
    if not cards:
        raise MissingResource(f"{path}: no skeleton.json beside the data; give one with --skeleton FILE")
    offsets = torch.tensor(json.loads(cards[0].read_text())["skeleton"]["offsets"])
    return offsets, [f"no skeleton.json beside {path}: the bones of the shipped weights are used (--skeleton FILE)"]


def batches(asked: Asked, held: Held) -> int:
    """How often ``measure`` calls ``step``."""
    counts = [len(held), *(int(c.usable(held).sum()) for c in CORRUPTIONS.values())]
    return sum(-(-count // asked.batch) for count in counts) + 1


def measure(asked: Asked, held: Held, samples: int, step: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Data, ranking, and what the prior itself reports."""
    ranked = ranking(asked, held, step)
    parts = {name: (held.part == k).nonzero().squeeze(1) for k, name in enumerate(held.names)}
    parts = {name: rows for name, rows in parts.items() if len(rows)}
    energy, scene = asked.built(held, *held.windows(), torch.arange(len(held)))
    sections = _sections(energy, scene, parts, samples)
    step()
    return {
        "prior": asked.name,
        "options": dict(asked.options),
        "seed": asked.seed,
        "data": {
            "shards": {name: len(rows) for name, rows in parts.items()},
            "windows": len(held),
            "still": int((~held.moving()).sum()),
            "still_below_mps": STILL,
            "frames": held.frames,
            "fps": held.fps,
        },
        "ranking": ranked,
        "sections": sections,
    }


def _sections(energy: Energy, scene: Scene, parts: dict[str, Tensor], samples: int) -> Sections:
    if isinstance(energy, Reports):
        return energy.report(scene, parts, samples)

    return of_mdm(energy, scene, parts, samples) if isinstance(energy, MDMPrior) else {}
