"""A short video without losses, its images, and the keypoints of a person in it, whose boxes both sides take."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

FRAMES, SIZE, FOCAL = 6, (320, 240), 400.0


def images(seed: int, frames: int = FRAMES) -> np.ndarray:
    """``[T H W 3]`` RGB: smooth random colours that drift, so that each crop differs from the others."""
    draw = np.random.default_rng(seed)
    coarse = draw.uniform(0, 255, (9, 12, 3))
    rows, columns = np.linspace(0, 7.999, SIZE[1]), np.linspace(0, 10.999, SIZE[0])
    low, left = rows.astype(int), columns.astype(int)
    v, u = (rows - low)[:, None, None], (columns - left)[None, :, None]
    top = coarse[low][:, left] * (1 - u) + coarse[low][:, left + 1] * u
    bottom = coarse[low + 1][:, left] * (1 - u) + coarse[low + 1][:, left + 1] * u
    whole = top * (1 - v) + bottom * v
    return np.stack([np.roll(whole, (3 * i, 7 * i), (0, 1)) for i in range(frames)]).astype(np.uint8)


def keypoints(seed: int, frames: int = FRAMES) -> np.ndarray:
    """``[T 17 3]`` px and confidence, inside the image. Few points are sure: a network of random weights gives poses
    that fit none, and are refused where there are enough to tell."""
    draw = np.random.default_rng(seed + 1)
    shape = draw.uniform(0, 1, (17, 2))
    shape[:2] = [[0, 0], [1, 1]]
    points = np.array([90, 40]) + np.array([80, 150]) * shape + np.arange(frames)[:, None, None] * [2.0, 1.0]
    sure = np.where(np.arange(17) < 4, 0.9, 0.2)
    return np.concatenate([points, np.broadcast_to(sure[:, None], (frames, 17, 1))], -1)


def boxes(seed: int) -> np.ndarray:
    """``[T 4]`` x0 y0 x1 y1 of the keypoints, px."""
    points = keypoints(seed)[..., :2]
    return np.concatenate([points.min(1), points.max(1)], -1)


def write(folder: Path, seed: int, frames: int = FRAMES) -> tuple[Path, Path]:
    """Video and keypoints as files (in DiffOpt's environment)."""
    import av

    path = folder / "clip.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=30, options={"threads": "1"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "bgr0"
        for image in images(seed, frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode())
    people = [[{"keypoints": points.tolist(), "track_id": 1}] for points in keypoints(seed, frames)]
    (folder / "keypoints.json").write_text(json.dumps(people))
    return path, folder / "keypoints.json"
