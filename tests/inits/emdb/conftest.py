"""Stand-ins for SMPL's three files (no licensed file is at hand)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from emdb_cases import stand_in


@pytest.fixture(scope="session")
def models() -> dict[str, dict[str, np.ndarray]]:
    return {gender: stand_in(gender) for gender in ("male", "female", "neutral")}


@pytest.fixture(scope="session")
def smpl(models, tmp_path_factory) -> Path:
    """A folder of SMPL files."""
    folder = tmp_path_factory.mktemp("smpl")
    for gender, arrays in models.items():
        np.savez_compressed(folder / f"SMPL_{gender.upper()}.npz", **arrays)
    return folder


@pytest.fixture(autouse=True)
def named(smpl, monkeypatch, tmp_path_factory) -> None:
    monkeypatch.setenv("DIFFOPT_SMPL", str(smpl))
    monkeypatch.setenv("DIFFOPT_WEIGHTS", str(tmp_path_factory.getbasetemp() / "no-weights"))
