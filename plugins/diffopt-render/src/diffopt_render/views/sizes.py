"""How large panels are when nobody says so, and how they share what somebody says."""

from __future__ import annotations

import re
from typing import Literal

from diffopt_core.errors import DiffOptError

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
        raise DiffOptError(f"--size {text}: expected WIDTHxHEIGHT in px, as 1280x720")
    width, height = int(found[1]), int(found[2])
    if not (_LEAST <= width <= _MOST and _LEAST <= height <= _MOST):
        raise DiffOptError(f"--size {text}: expected {_LEAST} to {_MOST} px each way")
    return width, height


def within(clip: Size, box: Size) -> Size:
    """The clip's shape, not larger than itself or the box, in even px."""
    share = min(1.0, box[0] / clip[0], box[1] / clip[1])
    width, height = (max(2, 2 * round(share * side / 2)) for side in clip)
    return width, height


def panel_sizes(view: View, clip: Size, asked: Size | None, filmed: bool = True) -> list[Size]:
    """Of the panels of a view, from left to right. ``clip``: size of the images, px. A figure of what is not ``filmed``
    has no panel for the input."""
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
