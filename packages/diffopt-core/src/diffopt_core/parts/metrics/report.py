"""Apply metrics to one motion, and put the scores of many clips together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...errors import UnknownName
from ...interfaces import Metric, Scored
from ...plugin import resolve
from . import COMPONENTS, DEFAULT
from .evidence import NotScorable

#: ``BuildContext.build``: kind, name, options -> object.
Build = Callable[[str, str, Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Report:
    """Scores of one motion. ``values``: the mean of each metric, nan where ``missing`` says why.

    ``frames``: the values behind each mean (a value a frame for most), in ``units``.
    """

    values: dict[str, float]
    units: dict[str, str]
    frames: dict[str, Tensor]
    missing: dict[str, str]


@dataclass(frozen=True)
class Aggregate:
    """One metric over several clips.

    ``frame_mean`` is what EMDB, WHAM and GVHMR print: the values of all clips in one mean, so that long clips weigh
    more. ``clip_mean`` and ``clip_median`` weigh clips alike. ``missing`` clips had no value and are in none of them.
    """

    frame_mean: float
    clip_mean: float
    clip_median: float
    clips: int
    missing: int


def metrics_named(names: Sequence[str] = DEFAULT, build: Build | None = None) -> dict[str, Metric]:
    """The metrics of these names; UnknownName otherwise. Without ``build``, from the built-in ones."""
    make = build or _build_builtin
    return {name: make("metric", name, {}) for name in names}


def score(scored: Scored, metrics: Mapping[str, Metric]) -> Report:
    """Apply metrics; one that raises NotScorable, or gives a mean that is not finite, is nan with a reason."""
    values: dict[str, float] = {}
    frames: dict[str, Tensor] = {}
    missing: dict[str, str] = {}
    for name, metric in metrics.items():
        values[name] = math.nan
        try:
            found = torch.as_tensor(metric(scored)).detach().cpu().double()
        except NotScorable as reason:
            missing[name] = str(reason)
            continue
        if found.numel() and found.isfinite().all():
            values[name], frames[name] = float(found.mean()), found
        else:
            missing[name] = "the metric gave no value or one that is not finite"
    return Report(values, {name: metric.unit for name, metric in metrics.items()}, frames, missing)


def aggregate(reports: Iterable[Report]) -> dict[str, Aggregate]:
    """Every metric over several clips, under both ways of taking the mean."""
    reports = list(reports)
    out = {}
    for name in dict.fromkeys(name for r in reports for name in r.values):
        clips = [r.frames[name].reshape(-1) for r in reports if name in r.frames]
        means = torch.stack([clip.mean() for clip in clips]) if clips else torch.tensor([math.nan])
        pooled = torch.cat(clips) if clips else means
        out[name] = Aggregate(
            frame_mean=float(pooled.mean()),
            clip_mean=float(means.mean()),
            clip_median=float(means.quantile(0.5)),  # torch.median would take the lower of the middle two
            clips=len(clips),
            missing=len(reports) - len(clips),
        )
    return out


def _build_builtin(kind: str, name: str, options: Mapping[str, Any]) -> Any:
    rows = {row.name: row for row in COMPONENTS}
    if name not in rows:
        raise UnknownName(kind, name, rows)
    sets = rows[name].sets
    return resolve(sets["builds"])(**sets["arguments"])
