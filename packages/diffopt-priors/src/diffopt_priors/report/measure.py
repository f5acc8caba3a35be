"""Measurements of a prior, the report of ``prior mdm``, and tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffopt_core.common.console import grid, out, say
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

if TYPE_CHECKING:
    from rich.table import Table


#: Largest number of motions for the diversity.
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
        out["path predicted from the articulation"] = path
    if samples:
        out["samples beside the data"] = _beside(denoiser, features, parts, prior.fps, samples)
    return out


def _beside(
    denoiser: Denoiser, features: Tensor, parts: Mapping[str, Tensor], fps: float, samples: int
) -> dict[str, dict[str, float | None]]:
    """Rows: samples as long as the windows, each shard, all shards, and the ratio of samples to data."""
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
    """Mean distance of the joints (in the heading's frame, over the root's place) between two motions, mm per joint."""
    if len(features) < 2:
        return None
    some = features[torch.linspace(0, len(features) - 1, min(len(features), _PAIRS_OF)).round().long()]
    local = some[..., POSITIONS].unflatten(-1, (21, 3))
    total = torch.stack([(local - one).norm(dim=-1).mean((1, 2)).sum() for one in local]).sum()
    return round(float(total) / (len(local) * (len(local) - 1)) * 1000, 2)


def bones(skeleton: Path | None, path: Path, files: Sequence[Path]) -> tuple[Tensor, list[str]]:
    """Offsets ``[24 3]`` (m), and a notice if the data has no ``skeleton.json``."""
    found = skeleton or find_skeleton(path, files)
    if found is not None:
        return read_offsets(found), []
    cards = sorted(MDM_WEIGHTS.folder.glob("mdm_*.json"))
    if not cards:
        raise MissingResource(f"{path}: no skeleton.json beside the data; give one with --skeleton FILE")
    offsets = torch.tensor(json.loads(cards[0].read_text())["skeleton"]["offsets"])
    return offsets, [
        f"no skeleton.json beside {path}: using the skeleton of the shipped weights (--skeleton FILE sets another)"
    ]


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


#: Largest number of shards with their own column in the ranking.
_MOST_SHARDS = 4


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"


def tables(report: Mapping[str, Any]) -> Iterator[Table]:
    """The ranking, then the prior's own sections."""
    yield _ranking(report)
    for title, rows in report["sections"].items():
        columns = list(dict.fromkeys(column for row in rows.values() for column in row))
        table = grid("", *columns, title=f"\n{title}", numbers=True)
        for name, row in rows.items():
            table.add_row(name, *(_number(row.get(column)) for column in columns))
        yield table


def _ranking(report: Mapping[str, Any]) -> Table:
    ranked = report["ranking"]
    shards = list(report["data"]["shards"])
    shards = shards if 1 < len(shards) <= _MOST_SHARDS else []
    title = f"\nreal against corrupted motion, by the prior's {ranked['by']}"
    columns = ("spoilt by", "amount", "windows", "AUC", "own pair", *(f"AUC {s}" for s in shards))
    table = grid(*columns, title=title, numbers=True)
    for name, row in ranked["rows"].items():
        cells = [_share(row.get("auc")), _share(row.get("paired"))]
        cells += [_share(row.get("by_shard", {}).get(shard, {}).get("auc")) for shard in shards]
        table.add_row(name, row["amount"], str(row["windows"]), *cells)
    return table


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def heading(report: Mapping[str, Any]) -> str:
    """What was measured, in two lines."""
    data, ranked = report["data"], report["ranking"]
    shards = ", ".join(f"{name} {count}" for name, count in data["shards"].items())
    options = " ".join(f"{key}={value}" for key, value in report["options"].items())
    return (
        f"prior {report['prior']}{f' ({options})' if options else ''}: {data['windows']} windows of {data['frames']} "
        f"frames at {data['fps']:g} fps ({shards}); mean of {ranked['draws']} draws of noise\n"
        f"{data['still']} windows without motion (joints below {data['still_below_mps']:g} m/s) are left out "
        "of the rows of time and order; speed x2 needs twice the "
        "source. AUC: all pairs of a real and a corrupted window."
    )


def show(report: Mapping[str, Any]) -> None:
    """Print heading and tables."""
    say(heading(report))
    for table in tables(report):
        out.print(table, highlight=False)
