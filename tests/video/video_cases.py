"""Small videos, written by PyAV: a bright square that moves one step a frame, so that a frame says its number."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

WIDTH, HEIGHT, STEP = 64, 48, 2


def image(number: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    """Frame ``number``: grey, with a white bar whose left edge is at ``STEP * number``."""
    width, height = size
    out = np.full((height, width, 3), 60, np.uint8)
    left = STEP * number
    out[: height // 2, left : left + 8] = 255
    return out


def number_of(frame: np.ndarray) -> int:
    """Which frame this is, from its bar."""
    row = frame[: frame.shape[0] // 2].mean((0, 2))
    bright = np.flatnonzero(row > 150)
    return round((bright.mean() - 3.5) / STEP * (WIDTH / frame.shape[1]))


def write_video(
    path: Path,
    count: int,
    fps: int = 25,
    times: Sequence[float] | None = None,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    options: dict[str, str] | None = None,
) -> Path:
    """``times``: presentation time of each frame, s, for a variable frame rate. ``options``: of the container."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.options = {"crf": "10", "g": "8"}
        stream.codec_context.time_base = Fraction(1, 12000)
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(image(number, size), format="rgb24")
            frame.pts = round((times[number] if times is not None else number / fps) * 12000)
            frame.time_base = Fraction(1, 12000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turn(path: Path, degrees: int) -> Path:
    """Write a rotation (clockwise) into the track header's matrix, as phones do."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4
    matrix = start + (52 if data[start] else 40)  # after version, flags, times, id, duration, layer, volume
    cosine, sine = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    rows = (cosine, sine, 0, -sine, cosine, 0, 0, 0, 0x4000)
    data[matrix : matrix + 36] = struct.pack(">9i", *(value * 0x10000 for value in rows))
    path.write_bytes(bytes(data))
    return path
