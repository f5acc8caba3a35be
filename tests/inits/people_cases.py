"""A walking pair in 2D, a small video to go with it, and a Python environment made of stand-ins."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path

import av
import numpy as np
from diffopt_core.host.registry import Registry
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import Clip, Video

SIZE = (320, 240)


def clip_of(frames: int, path: Path | None = None, numbers: tuple[int, ...] | None = None, **more) -> Clip:
    """A clip; with ``path`` of a video, whose frames ``numbers`` are."""
    video = Video(path, numbers or tuple(range(frames)), SIZE) if path else None
    return Clip("clip", path, 30.0, SIZE, len(numbers or range(frames)), video=video, **more)


def write_video(path: Path, frames: int, size: tuple[int, int] = SIZE) -> Path:
    """Grey frames, frame i of brightness 5 i."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=30, options={"threads": "1"})
        stream.width, stream.height, stream.pix_fmt = *size, "bgr0"
        for i in range(frames):
            image = np.full((size[1], size[0], 3), 5 * i, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode())
    return path


def person(frames: int, joints: int, size: float, at: tuple[float, float], seed: int = 0) -> np.ndarray:
    """Keypoints ``[frames joints 3]`` within a box of ``size`` px that drifts to the right."""
    draw = np.random.default_rng(seed)
    shape = draw.uniform(0, 1, (joints, 2))
    shape[:2] = [[0, 0], [1, 1]]
    points = np.array(at) + size * shape + np.arange(frames)[:, None, None] * [1.0, 0.0]
    return np.concatenate([points, np.full((frames, joints, 1), 0.9)], -1)


def context(**more) -> BuildContext:
    ctx: BuildContext
    ctx = Registry.load().context(**more)
    return ctx


def environment(folder: Path, **modules: str) -> Path:
    """The folder of an environment whose Python also finds ``modules``: dotted names with ``__`` -> source."""
    packages = folder / "modules"
    for name, source in modules.items():
        path = packages / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        for parent in path.parents:
            if parent == packages:
                break
            (parent / "__init__.py").touch()
        path.write_text(textwrap.dedent(source))
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(f'#!/bin/sh\nPYTHONPATH="$PYTHONPATH:{packages}" exec {sys.executable} "$@"\n')
    os.chmod(python, 0o755)
    return folder
