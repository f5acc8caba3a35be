"""The colours of the house's pictures, for bodies and paths in a light room."""

from __future__ import annotations

Colour = tuple[float, float, float]


def _of(code: str) -> Colour:
    red, green, blue = (int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


#: Skin of the recovered body: the blue of the pictures, light enough to show form.
BODY = _of("#7DB4E0")
BODY_EARLY = _of("#C9DDEC")
PATH = _of("#0072B2")
TRUTH = _of("#8A8A8A")
TRUTH_PATH = _of("#1A1A1A")
KEYPOINT, INK = _of("#F0E442"), _of("#333333")

#: The room: sky at the top of the image and at the horizon, ground, lines on it.
SKY, HORIZON = _of("#F8F9FB"), _of("#E6EAEE")
GROUND, LINE, STRONG_LINE = _of("#D9DFE5"), _of("#BFC8D1"), _of("#A5B0BB")
EMPTY = _of("#111315")
