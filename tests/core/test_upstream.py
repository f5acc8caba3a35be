"""``tools/upstream.py``: every system has a row and its three steps, and the comparison sees what differs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

TOOL = Path(__file__).parents[2] / "tools" / "upstream.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("upstream", TOOL)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TOOL.parent))
        patch.setitem(sys.modules, "upstream", module)
        spec.loader.exec_module(module)
        for name in module.SYSTEMS:
            patch.setitem(sys.modules, f"systems.{name}", module.load(name))
        yield module


def test_every_system_has_a_row_and_three_steps(tool):
    page = (TOOL.parents[1] / "docs" / "upstream.md").read_text()
    assert len(tool.SYSTEMS) >= 13
    for name in tool.SYSTEMS:
        system = tool.load(name)
        assert system.ROW.repository.startswith("github.com/") and system.ROW.title in page, name
        assert all(callable(getattr(system, step)) for step in ("make", "theirs", "ours")), name


@pytest.mark.parametrize(
    ("ours", "theirs", "far"),
    [
        (np.ones(3), np.array([1, 1, 1.5]), 0.5),
        (np.ones(3), np.ones((3, 1)), np.inf),
        (np.array([1, np.nan]), np.array([1, 2.0]), np.inf),
        (np.array([1, np.nan]), np.array([1, np.nan]), 0.0),
        (np.array("a"), np.array("b"), np.inf),
        (np.array("a"), np.array("a"), 0.0),
    ],
)
def test_the_worst_difference(tool, ours, theirs, far):
    assert tool.worst(ours, theirs) == pytest.approx(far)


def test_code_that_upstream_no_longer_has_is_said(tool, tmp_path):
    from systems._saved import cut

    (tmp_path / "demo.py").write_text("a = 1\nif a:\n    b = 2\n    c = b\n")
    assert cut(tmp_path / "demo.py", "b = 2", "c = b") == "b = 2\nc = b"
    with pytest.raises(SystemExit, match=r"demo\.py: no lines from 'gone'"):
        cut(tmp_path / "demo.py", "gone", "c = b")
