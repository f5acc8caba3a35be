"""What the tests of the viewer share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import torch
from diffopt_core.types import Result, Video
from diffopt_viewer.plugin import ViserConfig
from diffopt_viewer.viewer import ViserViewer

SIZE = (64, 48)


@contextmanager
def viewing(*results: Result, **options) -> Iterator[ViserViewer]:
    """A viewer that shows the results, stopped at their first frame."""
    viewer = ViserViewer(ViserConfig(**{"open": False, **options}))
    try:
        viewer.show(results)
        settled(viewer, lambda: setattr(viewer.player, "playing", False))
        at(viewer, 0)
        yield viewer
    finally:
        viewer.close()


def settled(viewer: ViserViewer, change) -> None:
    """Do it in the thread of the viewer, and wait until it is shown."""
    viewer.do(change)
    viewer._loop.call(lambda: None)


def at(viewer: ViserViewer, frame: int) -> None:
    settled(viewer, lambda: viewer.player.go_to(frame))


def named(result: Result, name: str) -> Result:
    return replace(result, clip=replace(result.clip, name=name))


def make_video(path: Path, frames: int, noise: float = 0.0) -> Video:
    """Frame k is grey, 10 + 15 k bright, with ``noise`` of that many steps on it."""
    random = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30, options={"qscale": "2"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number in range(frames):
            image = 10 + 15 * number + noise * random.standard_normal((SIZE[1], SIZE[0], 3))
            image = image.clip(0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return Video(path, tuple(range(frames)), SIZE)


def filmed(result: Result, video: Video) -> Result:
    """The result with a video of its frames behind it; the image is 64 x 48."""
    scale = SIZE[0] / result.clip.size[0]
    seen = result.clip.observations
    assert seen is not None
    keypoints = seen.keypoints * torch.tensor([scale, scale, 1.0])
    clip = replace(result.clip, video=video, size=SIZE, observations=replace(seen, keypoints=keypoints))
    camera = replace(result.camera, focal=result.camera.focal * scale, centre=result.camera.centre * scale)
    return replace(result, clip=clip, camera=camera)
