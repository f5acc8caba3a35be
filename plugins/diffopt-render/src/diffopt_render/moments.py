"""Which frames of a clip are shown, and when."""

from __future__ import annotations

import re

import numpy as np
from diffopt_core.errors import DiffOptError

SLOWEST, FASTEST = 0.5, 240.0


def span(text: str | None, count: int, name: str) -> range:
    """``START:STOP`` as Python's slices, within ``count`` frames. Raises DiffOptError where nothing is left."""
    if text is None:
        return range(count)
    found = re.fullmatch(r"\s*(-?\d*)\s*:\s*(-?\d*)\s*", text)
    if not found:
        raise DiffOptError(f"--frames {text}: expected START:STOP, as 0:120, :60 or 100:")
    start, stop = (int(part) if part not in ("", "-") else None for part in found.groups())
    frames = range(count)[slice(start, stop)]
    if not len(frames):
        raise DiffOptError(f"--frames {text}: leaves none of the {count} frames of {name}")
    return frames


def rate(asked: float | None, own: float) -> float:
    """Frames a second of what is written. Raises DiffOptError outside 0.5 to 240."""
    fps = own if asked is None else asked
    if not SLOWEST <= fps <= FASTEST:
        hint = "" if asked is not None else "; name another with --fps"
        raise DiffOptError(f"--fps {fps:g}: expected {SLOWEST:g} to {FASTEST:g} frames a second{hint}")
    return fps


def at_rate(frames: range, own: float, fps: float) -> list[int]:
    """The frame nearest to each moment: the same motion in the same time, at another rate."""
    count = max(1, round(len(frames) / own * fps))
    nearest = np.floor(np.arange(count) * own / fps + 0.5 + 1e-6).astype(int)
    return [frames[i] for i in np.minimum(nearest, len(frames) - 1).tolist()]
