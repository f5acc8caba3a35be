"""Results to draw: small images, on disk as a run leaves them, with and without a video."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from diffopt_core.errors import MissingResource
from diffopt_core.host.testing.component import installed
from diffopt_core.types import CameraTrajectory, Result, Video
from exports_cases import bare, exporter, walk

FRAMES = 12
GREY = 90
SIZE = (270, 480)


def small(make=walk, frames: int = FRAMES) -> Result:
    """The demonstration seen in images of :data:`SIZE`."""
    result = make(frames)
    share = SIZE[0] / result.clip.size[0]

    def less(camera: CameraTrajectory) -> CameraTrajectory:
        return replace(camera, focal=camera.focal * share, centre=camera.centre * share)

    seen = result.clip.observations
    seen = replace(seen, keypoints=seen.keypoints * torch.tensor([share, share, 1.0]))
    return replace(
        result,
        clip=replace(result.clip, size=SIZE, observations=seen),
        camera=less(result.camera),
        initial_camera=less(result.initial_camera),
    )


def filmed(folder: Path, result: Result) -> Result:
    """With a grey video behind it."""
    path = folder / "grey.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = *result.clip.size, "yuv420p"
        for _ in range(result.clip.num_frames):
            image = np.full((result.clip.size[1], result.clip.size[0], 3), GREY, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    video = Video(path, tuple(range(result.clip.num_frames)), result.clip.size)
    return replace(result, clip=replace(result.clip, video=video))


def saved(folder: Path, result: Result, fps: float = 30.0) -> Path:
    """As a run leaves it."""
    result = replace(result, clip=replace(result.clip, fps=fps))
    exporter("npz").export(result, folder)
    exporter("evidence").export(result, folder)
    (folder / "run.json").write_text(json.dumps({"diffopt_run": 1, "clip": "walk", "status": "finished"}))
    return folder


@cache
def drawer():
    """A renderer that works here; skips the test where none does."""
    registry = installed()
    ctx = registry.context()
    try:
        return ctx.build("renderer", "auto")
    except MissingResource as error:
        pytest.skip(str(error))


def film_of(path: Path) -> tuple[list[np.ndarray], float]:
    """Frames of a video or GIF, and its rate."""
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)], float(rate)


__all__ = ["FRAMES", "GREY", "SIZE", "bare", "drawer", "film_of", "filmed", "saved", "small", "walk"]
