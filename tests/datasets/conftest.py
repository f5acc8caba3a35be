"""A good case to spoil, and motions made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from diffopt_core.parts.datasets.simulator.simulate import simulate
from diffopt_core.parts.demo_motion import demo_clip

Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="session")
def walker():
    """A motion clip with a rest skeleton of its own."""
    return demo_clip()


@pytest.fixture(scope="session")
def simulated(walker) -> tuple[Arrays, Arrays]:
    """Case and truth of the walker as a stick figure."""
    return simulate(walker, seed=3)


@pytest.fixture
def case(simulated) -> Arrays:
    return {key: value.copy() for key, value in simulated[0].items()}


@pytest.fixture
def truth(simulated) -> Arrays:
    return {key: value.copy() for key, value in simulated[1].items()}


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[Arrays], Path]:
    """Saves arrays unchecked, as a careless producer would."""

    def save(arrays: Arrays) -> Path:
        path = tmp_path / "spoilt.npz"
        np.savez(path, **arrays)
        return path

    return save
