"""What holds for every test: annotations are checked, shapes included; one thread, since tests share the machine.

Whole suites that need a thing which this machine lacks are one skip, which says what brings it and how many tests it
stands for: the first of them skips, the others are left out.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import jaxtyping
import pytest
import torch
from chromium import chromium_path

with suppress(ImportError):
    # Before Mesa's OpenGL, which brings an LLVM of its own: the other way round the process crashes.
    import_module("triton")
torch.set_num_threads(1)

#: Every package of this workspace: what a test calls is checked. None of them is imported yet.
PACKAGES = sorted(path.parent.name for path in Path(__file__).parents[1].glob("p*/*/src/*/__init__.py"))
jaxtyping.install_import_hook(PACKAGES, "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

#: Markers by what they need: whether it is here, and what brings it.
NEEDS = {
    "browser": (chromium_path, "no Chromium: `uv run --group dev playwright install chromium` brings one"),
    "gpu": (torch.cuda.is_available, "no CUDA device"),
}
BRINGS = {
    "pxr": "uv pip install usd-core",
    "pytorch3d": 'pip install --no-build-isolation "git+https://github.com/facebookresearch/pytorch3d.git@stable"',
}


def pytest_configure(config: pytest.Config) -> None:
    """Where Python may not keep bytecode and none was made on installing, the processes that tests start share a folder
    of it for this run: without it each of them compiles torch's sources again. Workers of xdist inherit it."""
    compiled = Path(torch.__spec__.cached or "").is_file()
    if not compiled and os.environ.pop("PYTHONDONTWRITEBYTECODE", None) and "PYTHONPYCACHEPREFIX" not in os.environ:
        folder = tempfile.mkdtemp(prefix="bytecode-")
        os.environ["PYTHONPYCACHEPREFIX"] = folder
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def _lacks(item: pytest.Item, here: dict[str, bool]) -> str | None:
    """Why this test cannot run on this machine, or None."""
    for name, (look, reason) in NEEDS.items():
        if item.get_closest_marker(name) and name not in here:
            here[name] = bool(look())
        if item.get_closest_marker(name) and not here[name]:
            return reason
    for marker in item.iter_markers("needs"):
        package = marker.args[0]
        if not here.setdefault(package, find_spec(package) is not None):
            return f"{package} is not installed: {BRINGS.get(package, f'uv pip install {package}')}"
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here: dict[str, bool] = {}
    lacking: dict[str, list[pytest.Item]] = {}
    for item in items:
        if reason := _lacks(item, here):
            lacking.setdefault(reason, []).append(item)
    for reason, (first, *others) in lacking.items():
        first.add_marker(pytest.mark.skip(reason=f"{reason} (and {len(others)} more tests)" if others else reason))
        items[:] = [item for item in items if item not in others]
        config.hook.pytest_deselected(items=others)


@pytest.fixture(autouse=True)
def _one_thread():
    yield
    torch.set_num_threads(1)


@pytest.fixture
def forbidden(tmp_path: Path) -> Path:
    """A folder into which nothing can be written, even by root."""
    if os.geteuid() == 0:
        return Path("/proc/sys")
    (tmp_path / "forbidden").mkdir(mode=0o500)
    return tmp_path / "forbidden"


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Annotations are not checked, as for users, whose mistakes our own words must answer."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
