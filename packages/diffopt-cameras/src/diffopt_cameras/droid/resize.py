"""The size at which DROID-SLAM looks at an image."""

from __future__ import annotations

import math

#: DROID-SLAM scales every image to about this many pixels.
AREA = 384 * 512


def droid_size(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height after its scaling and before it crops them to multiples of 8."""
    width, height = size
    share = math.sqrt(AREA / (width * height))
    return int(width * share), int(height * share)
