"""Boxes of the person around keypoints, for programs that look at one box a frame."""

from __future__ import annotations

import numpy as np
from diffopt_core.types import Observations

from .people import boxes_of

#: Keypoints end at the joints; a body is larger than that by about this much.
PADDING = 1.2


def boxes_around(observations: Observations, least: float = 0.3) -> np.ndarray:
    """``[T 4]`` around the keypoints of confidence over ``least``, padded; NaN in frames without the person."""
    points = observations.keypoints.detach().cpu().double().numpy()
    boxes = boxes_of(points, least)
    boxes[~observations.valid.cpu().numpy()] = np.nan
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2 * PADDING
    half = np.maximum(half, 4.0)
    return np.concatenate([centre - half, centre + half], -1)
