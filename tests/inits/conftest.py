"""The body that poses are found for, and the real landmarks where they are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffopt_core.bodies.anny24 import load
from diffopt_inits.rest import rest_body

SHARED = Path(__file__).parents[2].parent / "shared" / "real"


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def body():
    return load()


@pytest.fixture(scope="session")
def rest(body):
    return rest_body(body, None)


@pytest.fixture
def real():
    """Path of a file of the real landmarks; skips where they are not at hand."""

    def path(name: str) -> Path:
        if not (SHARED / name).exists():
            pytest.skip(f"../shared/real/{name} is not here")
        return SHARED / name

    return path
