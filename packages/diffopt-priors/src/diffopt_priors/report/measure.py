"""What is measured of a prior, on which device and for which bones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from diffopt_core.errors import MissingResource
from diffopt_core.host.train.shards import read_offsets
from diffopt_core.interfaces import Energy
from diffopt_core.types import Scene
from torch import Tensor

from diffopt_priors.cards import MDM_WEIGHTS
from diffopt_priors.report.held import CORRUPTIONS, STILL, Held, find_skeleton
from diffopt_priors.report.ranking import Asked, Reports, Sections, ranking


def chosen(name: str) -> torch.device:
    """``cpu`` or ``cuda[:N]``; MissingResource for one that is not there."""
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise MissingResource(f"--device {name}: not usable here; use cpu, or cuda[:N] where there is one") from error
    return device


def bones(skeleton: Path | None, path: Path, files: Sequence[Path]) -> tuple[Tensor, list[str]]:
    """Offsets ``[24 3]`` (m), and a notice where the data has no ``skeleton.json`` of its own."""
    found = skeleton or find_skeleton(path, files)
    if found is not None:
        return read_offsets(found), []
    cards = sorted(MDM_WEIGHTS.folder.glob("mdm_*.json"))
    if not cards:
        raise MissingResource(f"{path}: no skeleton.json beside the data; give one with --skeleton FILE")
    import json

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
    from diffopt_priors.mdm.term import MDMPrior
    from diffopt_priors.report import mdm

    return mdm.report(energy, scene, parts, samples) if isinstance(energy, MDMPrior) else {}
