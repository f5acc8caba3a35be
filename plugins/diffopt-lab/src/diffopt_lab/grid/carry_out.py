"""Carry out a plan: every cell is an input of the same stages as those of ``diffopt run``, with a recipe and a seed."""

from __future__ import annotations

from pathlib import Path

from diffopt_core.host.choice import Choice
from diffopt_core.host.provenance import device as find_device
from diffopt_core.host.recipe import parse
from diffopt_core.interfaces import Runner
from diffopt_core.results.carry import are_shards
from diffopt_core.results.carry import carry_out as carried
from diffopt_core.results.inputs import Input
from diffopt_core.results.many import Ask, planned

from .plan import CELLS, Plan, below


def carry_out(plan: Plan, out: Path, runner: Runner, overwrite: bool = False) -> None:
    """Solve every cell that has no result yet into ``out/cells``: folders, or shards for many. Raises DiffOptError if
    a cell of another run lies there (unless ``overwrite``), or if the disk is full; what is done is kept."""
    home = str(out / CELLS)
    device = find_device(plan.device).type
    shards = are_shards(home, [key.text for key in plan.grid()])
    asks = [
        Ask(
            Choice(recipe=parse(row.recipe), trust=True), home, plan.plugins, seed, plan.device, overwrite, plan.batch,
            shards=shards, below=below(row, seed), scored=True,
        ) for row in plan.rows for seed in plan.seeds
    ]  # fmt: skip
    inputs = [Input(case.name, case.path, length=case.length, stamp=case.stamp) for case in plan.cases]
    jobs = planned(inputs, asks, plan.batch, device)
    carried(home, jobs, runner, "cells", overwrite, shards, whole=device != "cpu")
