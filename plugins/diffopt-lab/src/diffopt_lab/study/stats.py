"""Means over cases with bootstrap intervals, paired differences, and tests. The cases are the sample: frames and seeds
of a case are not independent and are averaged first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np

from .model import TRUTH, Study

#: Bootstrap resamples, drawn with a fixed seed so that reports are reproducible.
DRAWS = 10_000
LEVEL = 0.95
#: Fewer cases have no interval: their resamples are few, and cover far less than the level says.
FEWEST = 5
#: Above so many cases the mean is normal to all digits shown, and resampling would take hours.
_NORMAL = 5_000
#: Largest block of the resample matrix drawn at once, to bound memory.
_MOST = 4_000_000


@dataclass(frozen=True)
class Summary:
    """Mean over ``cases``, its interval, the median, and the standard deviation of the mean over seeds (nan for
    one seed)."""

    mean: float
    low: float
    high: float
    median: float
    cases: int
    over_seeds: float


@dataclass(frozen=True)
class Paired:
    """Row minus reference over the cases that both have. ``worse``: cases where the row's value is larger. ``p``:
    Wilcoxon's signed-rank test, two-sided; nan for fewer than two cases. ``p_holm``: corrected for the number of
    rows that are compared with the same reference in the same metric."""

    mean: float
    low: float
    high: float
    cases: int
    worse: int
    p: float
    p_holm: float = math.nan


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of ``values`` (the normal one for thousands); nan for fewer than
    ``FEWEST``."""
    sample = np.asarray(values, np.float64)
    if len(sample) < FEWEST:
        return math.nan, math.nan
    if len(sample) > _NORMAL:
        reach = 1.959964 * float(sample.std(ddof=1)) / math.sqrt(len(sample))
        return float(sample.mean()) - reach, float(sample.mean()) + reach
    rng, means = np.random.default_rng(0), []
    step = max(1, min(DRAWS, _MOST // len(sample)))
    for first in range(0, DRAWS, step):
        picked = rng.integers(0, len(sample), (min(step, DRAWS - first), len(sample)))
        means.append(sample[picked].mean(axis=1))
    low, high = np.quantile(np.concatenate(means), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def summary(study: Study, row: str, metric: str) -> Summary:
    """Summary of one row in one metric."""
    values = list(study.by_case(row, metric).values())
    if not values:
        return Summary(math.nan, math.nan, math.nan, math.nan, 0, math.nan)
    seeds = study.by_seed(row, metric)
    spread = stdev(seeds) if len(seeds) > 1 else math.nan
    return Summary(fmean(values), *interval(values), float(np.median(values)), len(values), spread)


def paired(study: Study, metric: str) -> dict[str, Paired]:
    """Paired comparison of every other row with the reference."""
    if study.reference is None:
        return {}
    base = study.by_case(study.reference, metric)
    found = {}
    for row in study.rows:
        own = study.by_case(row.name, metric)
        common = [case for case in base if case in own]
        if row.name in (study.reference, TRUTH) or not common:
            continue
        change = [own[case] - base[case] for case in common]
        worse = sum(value > 0 for value in change)
        found[row.name] = Paired(fmean(change), *interval(change), len(change), worse, wilcoxon(change))
    corrected = holm([row.p for row in found.values()])
    return {
        name: Paired(row.mean, row.low, row.high, row.cases, row.worse, row.p, p)
        for (name, row), p in zip(found.items(), corrected, strict=True)
    }


def wilcoxon(change: Sequence[float]) -> float:
    """Two-sided p of paired differences; 1 where all are zero, nan for fewer than two."""
    from scipy import stats

    if len(change) < 2:
        return math.nan
    if not any(change):
        return 1.0
    return float(stats.wilcoxon(change).pvalue)


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's step-down correction; nan stays nan and is not counted."""
    out = [math.nan] * len(ps)
    order = sorted((i for i, p in enumerate(ps) if math.isfinite(p)), key=lambda i: ps[i])
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, ps[index] * (len(order) - rank)))
        out[index] = highest
    return out
