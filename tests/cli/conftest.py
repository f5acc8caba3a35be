"""A command line without a shell: arguments in, status and both streams out; and a small case to feed it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cli_cases import FRAMES, Ran
from diffopt_core.cli import main


@pytest.fixture
def diffopt(capsys, monkeypatch, tmp_path, tmp_path_factory):
    """``diffopt("run", case, ...)`` in an empty folder, with an empty cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIFFOPT_CACHE", str(tmp_path_factory.mktemp("cache")))

    def run(*args) -> Ran:
        capsys.readouterr()
        status = main([str(arg) for arg in args])
        streams = capsys.readouterr()
        return Ran(status, streams.out, streams.err)

    return run


@pytest.fixture(scope="session")
def arrays() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Case and truth of the demonstration, its first frames only."""
    from diffopt_core.parts.demo_motion import demo_case

    def short(table):
        return {key: value[:FRAMES] if np.ndim(value) and len(value) == 100 else value for key, value in table.items()}

    case, truth = demo_case(0)
    return short(case), short(truth)


@pytest.fixture
def case(tmp_path, arrays) -> Path:
    """A case file without truth."""
    path = tmp_path / "input" / "walk.npz"
    path.parent.mkdir()
    np.savez(path, **arrays[0])
    return path


@pytest.fixture
def scored(case, arrays) -> Path:
    """The same with truth beside it."""
    (case.parent / "truth").mkdir()
    np.savez(case.parent / "truth" / case.name, **arrays[1])
    return case
