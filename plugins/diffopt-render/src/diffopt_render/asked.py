"""Command-line options, validated before any heavy work: frames, rate, sizes, file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from diffopt_core.errors import BadInput, DiffOptError

from .files import Target

SLOWEST, FASTEST = 0.5, 240.0


def span(text: str | None, count: int, name: str) -> range:
    """``START:STOP`` as a Python slice, within ``count`` frames. Raises DiffOptError if it is empty."""
    if text is None:
        return range(count)
    found = re.fullmatch(r"\s*(-?\d*)\s*:\s*(-?\d*)\s*", text)
    if not found:
        raise DiffOptError(f"--frames {text}: expected START:STOP, such as 0:120, :60 or 100:")
    start, stop = (int(part) if part not in ("", "-") else None for part in found.groups())
    frames = range(count)[slice(start, stop)]
    if not len(frames):
        raise DiffOptError(f"--frames {text}: selects none of the {count} frames of {name}")
    return frames


def rate(asked: float | None, own: float) -> float:
    """Frame rate of the output. Raises DiffOptError outside 0.5 to 240."""
    fps = own if asked is None else asked
    if not SLOWEST <= fps <= FASTEST:
        hint = "" if asked is not None else "; give another with --fps"
        raise DiffOptError(f"--fps {fps:g}: expected {SLOWEST:g} to {FASTEST:g} frames per second{hint}")
    return fps


def at_rate(frames: range, own: float, fps: float) -> list[int]:
    """Nearest frame for each output time: the same motion at another frame rate."""
    count = max(1, round(len(frames) / own * fps))
    nearest = np.floor(np.arange(count) * own / fps + 0.5 + 1e-6).astype(int)
    return [frames[i] for i in np.minimum(nearest, len(frames) - 1).tolist()]


View = Literal["overlay", "world", "side", "figure"]
Size = tuple[int, int]
_OVERLAY, _WORLD, _SIDE, _FIGURE = (1280, 1280), (1280, 720), (960, 720), (640, 540)
_LEAST, _MOST = 64, 8192


def size_of(text: str | None) -> Size | None:
    """``640x480``. Raises DiffOptError."""
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\d+)\s*[xX×]\s*(\d+)\s*", text)
    if not found:
        raise DiffOptError(f"--size {text}: expected WIDTHxHEIGHT in px, such as 1280x720")
    width, height = int(found[1]), int(found[2])
    if not (_LEAST <= width <= _MOST and _LEAST <= height <= _MOST):
        raise DiffOptError(f"--size {text}: expected {_LEAST} to {_MOST} px each way")
    return width, height


def within(clip: Size, box: Size) -> Size:
    """The clip's aspect ratio, at most its own size and the box, in even px."""
    share = min(1.0, box[0] / clip[0], box[1] / clip[1])
    width, height = (max(2, 2 * round(share * side / 2)) for side in clip)
    return width, height


def panel_sizes(view: View, clip: Size, asked: Size | None, filmed: bool = True) -> list[Size]:
    """Sizes of the panels of a view, from left to right. ``clip``: size of the images, px. Without video (not
    ``filmed``) a figure has no input panel."""
    if view == "world":
        return [asked or _WORLD]
    if view == "overlay":
        return [asked or within(clip, _OVERLAY)]
    if asked is None:
        first = within(clip, _SIDE if view == "side" else _FIGURE)
        wide, high = first
        if view == "figure":
            return [*(2 if filmed else 1) * [first], (high, high)]
        return [first, (max(1280 - wide, min(wide, 2 * round(high * 8 / 9))), high)]
    share = 3 if view == "figure" and filmed else 2
    wide = min(asked[0] // share, round(asked[1] * clip[0] / clip[1]))
    return [*(share - 1) * [(wide, asked[1])], (asked[0] - (share - 1) * wide, asked[1])]


@dataclass(frozen=True)
class Asked:
    """The validated options. ``label``: name of each result, used if there are several."""

    results: list[Path]
    view: View
    target: Target
    size: Size | None
    fps: float | None
    frames: str | None
    truth: bool
    crf: int

    @staticmethod
    def of(
        results: list[Path], view: View, out: Path | None, size: str | None, fps: float | None, frames: str | None,
        truth: bool, crf: int,
    ) -> Asked:  # fmt: skip
        """Validate the options. Raises DiffOptError naming the flag."""
        for path in results:
            if not Path(str(path).partition("#")[0]).exists():
                raise BadInput(path, "file", "does not exist")
        if out is None:
            from diffopt_core.results.saved import place_beside

            if len(results) > 1:
                raise DiffOptError("--out: required, as there is no single result folder to write into")
            out = place_beside(results[0], Path(str(results[0]).rpartition("#")[2]).stem) / f"{view}.mp4"
        if fps is not None:
            rate(fps, fps)
        return Asked(results, view, Target.of(out), size_of(size), fps, frames, truth, crf)

    def labels(self) -> list[str]:
        """Names of the results, shown if there are several."""
        if len(self.results) == 1:
            return [""]
        return [path.absolute().name if path.is_dir() else path.stem for path in self.results]
