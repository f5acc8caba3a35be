"""The bones that motion is posed on: those of the data, else those of the shipped weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from diffopt_core.errors import MissingResource
from diffopt_core.train.shards import read_offsets
from torch import Tensor

from diffopt_priors.cards import SHIPPED
from diffopt_priors.report.held import find_skeleton


def bones(skeleton: Path | None, path: Path, files: Sequence[Path]) -> tuple[Tensor, list[str]]:
    """Offsets ``[24 3]`` (m), and a notice where the data has no ``skeleton.json`` of its own."""
    found = skeleton or find_skeleton(path, files)
    if found is not None:
        return read_offsets(found), []
    cards = sorted(SHIPPED.glob("mdm_*.json"))
    if not cards:
        raise MissingResource(f"{path}: no skeleton.json beside the data; give one with --skeleton FILE")
    import json

    offsets = torch.tensor(json.loads(cards[0].read_text())["skeleton"]["offsets"])
    return offsets, [f"no skeleton.json beside {path}: the bones of the shipped weights are used (--skeleton FILE)"]
