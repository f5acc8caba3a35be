"""The focal length from straight lines: verticals and two families of level lines stand at right angles to each other.

In rooms and streets most lines are of these three directions (Coughlan and Yuille 2003). At each focal length the best
such frame of each image is found; how well the segments point at its three vanishing points is the likelihood.
"""

from __future__ import annotations

import numpy as np
from diffopt_core.types import Observations

from .lines import Lines
from .upright import expected_up, likeliest
from .wahba import Array

#: Shares of segments that are of no direction, upright, and of either level one.
_NONE, _UPRIGHT, _LEVEL = 0.55, 0.2, 0.125
#: Segments of one edge come in pieces: the likelihood of one image counts for 1 / this, and that of others is the same.
_REPEATED = 1.5
#: Log likelihood that scenes without such lines reach by chance.
_BY_CHANCE = 4.0
#: Level directions that are tried.
_TURNS = np.radians(np.arange(0.0, 90.0, 1.0))
#: Segments of an image by whose crossings verticals are tried.
_MOST = 50


def log_likelihood(lines: list[Lines], observations: Observations, focal: Array) -> Array:
    """Of each focal length [K], px; 0 where lines say nothing."""
    if not lines:
        return np.zeros(len(focal))
    expected = expected_up(observations, np.broadcast_to(np.eye(3), (len(observations.valid), 3, 3)))
    found = np.mean([[_of_image(one, expected, float(f)) for f in focal] for one in lines], axis=0) / _REPEATED
    return np.asarray(np.logaddexp(found, _BY_CHANCE) - _BY_CHANCE)


def _of_image(lines: Lines, expected: list[tuple[Array, Array]], focal: float) -> float:
    """Log likelihood ratio of the best frame in one image to segments of any direction."""
    if len(lines.ends) < 3:
        return 0.0
    up = likeliest(lines.normals(focal), lines.error, expected, _MOST, 3)
    if up is None:
        return 0.0
    level = np.cross(up, [0.0, 0.0, 1.0])
    first = level / max(float(np.linalg.norm(level)), 1e-9)
    second = np.cross(up, first)
    cos, sin = np.cos(_TURNS)[:, None], np.sin(_TURNS)[:, None]
    rows = _fits(lines, np.concatenate([up[None], cos * first + sin * second, cos * second - sin * first]), focal)
    one, other = rows[1 : 1 + len(_TURNS)], rows[1 + len(_TURNS) :]
    total = np.log(_NONE + _UPRIGHT * rows[0] + _LEVEL * (one + other)).sum(1)
    return float(np.logaddexp.reduce(total) - np.log(len(_TURNS)))


def _fits(lines: Lines, directions: Array, focal: float) -> Array:
    """Density [K N] of each segment's angle in the image, if it points at the vanishing point of each direction [K 3],
    over that of any angle."""
    middle, along = lines.ends.mean(1), lines.ends[:, 1] - lines.ends[:, 0]
    to = focal * directions[:, None, :2] - middle * directions[:, None, 2:]
    off = np.arctan2(to[..., 1], to[..., 0]) - np.arctan2(along[:, 1], along[:, 0])
    off = (off + np.pi / 2) % np.pi - np.pi / 2
    return np.asarray(np.exp(-0.5 * (off / lines.error) ** 2) / lines.error * np.sqrt(np.pi / 2))
