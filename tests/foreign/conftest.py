"""Small scripts, a small video, and a cache of their own for tests of foreign environments."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from diffopt_core.perception.foreign import Needs, run_script
from diffopt_core.types import Video


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DIFFOPT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(text))
        return path

    return write


@pytest.fixture
def run(script):
    """Run the text of a script in this very interpreter."""

    def go(text: str, job=None, video=None, needs=None, env: str = "here", **options):
        return run_script(env, needs or Needs("tool"), script(text), job or {}, video, **options)

    return go


@pytest.fixture
def video(tmp_path: Path) -> Callable[..., Video]:
    """A video of grey frames, frame i of brightness 10 i."""

    def make(frames: int = 5, size: tuple[int, int] = (64, 48)) -> Video:
        path = tmp_path / f"{frames}_{size[0]}.mkv"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("ffv1", rate=30, options={"threads": "1"})
            stream.width, stream.height, stream.pix_fmt = *size, "bgr0"
            for i in range(frames):
                image = np.full((size[1], size[0], 3), 10 * i % 250, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
            container.mux(stream.encode())
        return Video(path, tuple(range(frames)), size)

    return make
