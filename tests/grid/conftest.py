"""A grid that is over in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from diffopt_core.host.registry import Registry
from diffopt_core.parts.demo_motion import demo_case
from diffopt_lab.grid.plan import table
from diffopt_lab.grid.planning import Asked, make_plan
from grid_cases import FRAMES, METRICS, QUICK


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry.load()


@pytest.fixture(scope="session")
def arrays():
    """Cases and truths of the demonstration, their first frames, with stick figures instead of meshes."""

    def short(found):
        return {key: value[:FRAMES] if np.ndim(value) and len(value) == 100 else value for key, value in found.items()}

    return [tuple(short(part) for part in demo_case(seed)) for seed in range(2)]


@pytest.fixture
def data(tmp_path, arrays) -> Path:
    """A folder of two cases with truth."""
    folder = tmp_path / "cases"
    (folder / "truth").mkdir(parents=True)
    for index, (case, truth) in enumerate(arrays):
        np.savez(folder / f"walk_{index}.npz", **case)
        np.savez(folder / "truth" / f"walk_{index}.npz", **truth)
    return folder


@pytest.fixture
def planned(tmp_path, data, registry):
    """``planned(rows="paper,table5/no-warmup", seeds=(0,), ...)``: a plan and its folder."""

    def plan(rows="paper,table5/no-warmup", seeds=(0,), settings=(), **asked):
        name, spec = table(rows, registry.recipes)
        spec = spec.model_copy(update={"columns": {name: name for name in METRICS}, "also": ()})
        out = tmp_path / "grid"
        return make_plan(
            Asked(name, spec, asked.pop("data", data), out, seeds, (*QUICK, *settings), "cpu", **asked), registry
        ), out

    return plan
