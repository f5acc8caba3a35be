"""The whole report of a prior, as data that JSON can hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from diffopt_core.interfaces import Energy
from diffopt_core.types import Scene
from torch import Tensor

from diffopt_priors.report.corruptions import CORRUPTIONS
from diffopt_priors.report.held import STILL, Held
from diffopt_priors.report.protocols import Reports, Sections
from diffopt_priors.report.ranking import Asked, ranking


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
    from diffopt_priors.mdm.term import MDMPrior
    from diffopt_priors.report import mdm

    return mdm.report(energy, scene, parts, samples) if isinstance(energy, MDMPrior) else {}
