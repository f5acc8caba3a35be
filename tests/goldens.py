"""Goldens: arrays that published code gave (``tests/golden``, where the README tells each one's source and licence).

Larger goldens of the same names, in the folder ``BESIDE/golden``, only add parameters to the same tests. Code whose
licence lets no array stand here has a twin instead: a plain second implementation in float64, written in the tests,
which gives arrays of the same names.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

HERE = Path(__file__).parent / "golden"
#: Where more material may lie, which nothing needs: larger goldens, motion capture, cases, videos.
BESIDE = Path(__file__).parents[2] / "shared"

Arrays = dict[str, Tensor]


def read(*paths: Path) -> Arrays:
    """The arrays of these files as tensors, together."""
    arrays: Arrays = {}
    for path in paths:
        with np.load(path, allow_pickle=False) as file:
            arrays |= {key: torch.from_numpy(file[key]) for key in file.files if file[key].dtype.kind in "fiub"}
    return arrays


def files(*names: str) -> list[tuple[Path, ...]]:
    """These files in every folder that holds all of them; the small ones first."""
    found = [tuple(folder / name for name in names) for folder in (HERE, BESIDE / "golden")]
    return [paths for paths in found if all(path.is_file() for path in paths)]


def golden(*names: str, twin: Callable[[], Arrays] | None = None):
    """A fixture of the module: the arrays of a golden, from each folder that has it, and of its twin."""
    sources = [
        pytest.param(partial(read, *paths), id="small" if paths[0].parent == HERE else "large")
        for paths in files(*names)
    ]
    if twin is not None:
        sources.insert(0, pytest.param(twin, id="twin"))

    @pytest.fixture(scope="module", params=sources)
    def arrays(request: pytest.FixtureRequest) -> Arrays:
        return request.param()

    return arrays


def beside(*paths: str) -> list[Path]:
    """Those of these files, named below ``BESIDE``, that are there: parameters which a plain checkout does without."""
    return [BESIDE / path for path in paths if (BESIDE / path).exists()]
