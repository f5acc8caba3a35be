"""Bodies and motions that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.parts.bodies import anny24
from diffopt_core.parts.bodies.linear import LinearBody
from diffopt_core.parts.bodies.stick_body import StickBody
from diffopt_core.types import HumanMotion


@pytest.fixture(scope="session")
def anny() -> LinearBody:
    return anny24.load()


@pytest.fixture(scope="session")
def arrays() -> dict[str, np.ndarray]:
    """The arrays of the embedded body's file."""
    from importlib import resources

    with np.load(str(resources.files("diffopt_core.parts.bodies") / "anny24.npz")) as npz:
        return dict(npz)


@pytest.fixture(scope="session")
def stick(anny: LinearBody) -> StickBody:
    """The stick body on the embedded body's own skeleton."""
    return StickBody(anny.rest_joints(torch.zeros(1, 10))[0])


@pytest.fixture
def random_motion() -> Callable[..., HumanMotion]:
    def make(
        B: int = 2, T: int = 3, dtype: torch.dtype = torch.float32, betas_of: str = "anny24", angle: float = 0.5
    ) -> HumanMotion:
        generator = torch.Generator().manual_seed(7)
        pose = axis_angle_to_matrix(angle * torch.randn(B, T, 24, 3, generator=generator, dtype=torch.float64))
        trans = torch.randn(B, T, 3, generator=generator, dtype=torch.float64)
        betas = torch.randn(B, 10, generator=generator, dtype=torch.float64)
        return HumanMotion(pose.to(dtype), trans.to(dtype), betas.to(dtype), betas_of)

    return make
