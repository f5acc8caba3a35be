"""Focal length as people write it: ``1200px``, ``28mm``, ``65deg``."""

from __future__ import annotations

import math
import re

from ..errors import DiffOptError

#: Diagonal of a 35 mm film frame, mm: what "35 mm equivalent" refers to (CIPA DCG-001).
FILM_DIAGONAL = 43.267
_PATTERN = re.compile(r"^\s*([0-9]*\.?[0-9]+)\s*(px|mm|deg|fov)?\s*$", re.IGNORECASE)


def focal_pixels(text: str, size: tuple[int, int]) -> float:
    """Focal length in px of an image of ``size`` (width, height).

    ``1200px`` or ``1200``: pixels of the upright image. ``28mm``: 35 mm equivalent, by the diagonal. ``65deg`` or
    ``65fov``: field of view along the longer side. Raises DiffOptError for anything else.
    """
    found = _PATTERN.match(text)
    if not found:
        raise DiffOptError(f"--focal {text}: expected a length such as 1200px, 28mm (35 mm equivalent) or 65deg")
    value, unit = float(found[1]), (found[2] or "px").lower()
    if unit == "px":
        pixels = value
    elif unit == "mm":
        pixels = value * math.hypot(*size) / FILM_DIAGONAL
    elif 0 < value < 180:
        pixels = max(size) / 2 / math.tan(math.radians(value) / 2)
    else:
        raise DiffOptError(f"--focal {text}: a field of view lies between 0 and 180 degrees")
    if not 0.1 * max(size) <= pixels <= 100 * max(size):
        raise DiffOptError(
            f"--focal {text}: {pixels:.0f} px is no focal length of a {size[0]} x {size[1]} image; "
            "is the unit meant (px, mm, deg)?"
        )
    return pixels
