"""The plan of a grid: everything that is to be solved, as data. ``plan.json`` in the grid's folder."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from diffopt_core.common.npz import atomic

from ..study.model import Layout, Pooling

NAME = "plan.json"
CELLS = "cells"
TRUTH = "truth"


@dataclass(frozen=True)
class PlannedRow:
    """``recipe``: resolved, as ``Recipe.dump`` gives it."""

    name: str
    label: str
    group: str
    recipe: dict[str, Any] = field(hash=False)


@dataclass(frozen=True)
class PlannedCase:
    """``content``: digest of the case and its truth. ``error``: why it cannot be solved; its cells fail without being
    tried."""

    name: str
    path: str
    sequence: str = ""
    frames: int = 0
    fps: float = 0.0
    content: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class Key:
    """Which cell."""

    row: PlannedRow
    case: PlannedCase
    seed: int


@dataclass(frozen=True)
class Plan:
    """``data``: what the cases are, in words. ``columns``: paper's word -> metric. ``systems``: other systems'
    results, name -> folder."""

    name: str
    title: str
    data: str
    layout: Layout
    reference: str | None
    initial: bool
    columns: dict[str, str]
    metrics: tuple[str, ...]
    rows: tuple[PlannedRow, ...]
    cases: tuple[PlannedCase, ...]
    seeds: tuple[int, ...]
    device: str
    plugins: tuple[str, ...]
    batch: int
    systems: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    pooling: Pooling = "clips"

    def grid(self) -> Iterator[Key]:
        for row in self.rows:
            for seed in self.seeds:
                for case in self.cases:
                    yield Key(row, case, seed)

    def write(self, out: Path) -> None:
        with atomic(out / NAME) as file:
            file.write((json.dumps({"diffopt_grid": 1, **asdict(self)}, indent=1) + "\n").encode())


def seed_folder(out: Path, row: PlannedRow, seed: int) -> Path:
    """Where the cells of a row and a seed lie, one folder a case."""
    return out / CELLS / slug(row.name) / f"seed{seed}"


def cell_folder(out: Path, key: Key) -> Path:
    return seed_folder(out, key.row, key.seed) / key.case.name


def slug(name: str) -> str:
    """A folder name; names that would share one are told apart by a few letters of their hash."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "row"
    if plain == name.replace("/", "-"):
        return plain
    return f"{plain[:60]}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
