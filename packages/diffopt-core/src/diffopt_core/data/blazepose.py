"""How BlazePose errs: its 2D and 3D points against a measured truth.

Measured on three views (100 frames at 60 fps) of one man balancing, truth good to 17 mm, against what each model itself
takes for a joint. 3D is metres about the middle of the hips, axes across the image, down it, and in depth; 2D is shares
of the body's height in the image. ``bias``: constant over a clip; ``slow``: changes within ``time`` (s, lag at which
the correlation is 1/e); ``white``: from frame to frame; all standard deviations, both sides of the body pooled.
``gain``: share of the true change of depth over time that the landmarks show: what moves towards the camera and back
does so by a third to two thirds only.
"""

from __future__ import annotations

from dataclasses import dataclass

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class PointNoise:
    """One point of the body. ``slow`` of the depth is what is left beside ``gain``."""

    bias: Triple
    slow: Triple
    white: Triple
    gain: float
    time: float
    image_bias: float
    image_slow: float
    image_white: float
    image_time: float


def _point(
    bias: Triple, slow: Triple, white: Triple, gain: float, time: float,
    image_bias: float, image_slow: float, image_white: float, image_time: float,
) -> PointNoise:  # fmt: skip
    """From millimetres and percent."""
    inside = [(row[0] / 1000, row[1] / 1000, row[2] / 1000) for row in (bias, slow, white)]
    across = image_bias / 100, image_slow / 100, image_white / 100, image_time
    return PointNoise(inside[0], inside[1], inside[2], gain, time, *across)


#: Model -> last word of a point's name (before it, its side) -> noise. mm, mm, mm, share, s; %, %, %, s.
NOISE: dict[str, dict[str, PointNoise]] = {
    "heavy": {
        "shoulder": _point((31, 44, 70), (22, 30, 34), (2, 2, 5), 0.36, 0.25, 0.5, 0.5, 0.1, 0.11),
        "elbow": _point((40, 37, 125), (28, 32, 53), (4, 5, 8), 0.41, 0.21, 0.7, 1.1, 0.3, 0.09),
        "wrist": _point((42, 46, 148), (34, 38, 92), (7, 12, 15), 0.36, 0.17, 0.7, 1.9, 0.55, 0.07),
        "hip": _point((3, 15, 24), (7, 7, 8), (1, 1, 1), 1.0, 0.2, 0.6, 0.6, 0.1, 0.17),
        "knee": _point((28, 36, 65), (23, 21, 53), (2, 2, 6), 0.53, 0.18, 0.25, 0.8, 0.1, 0.17),
        "ankle": _point((27, 37, 38), (26, 33, 61), (3, 3, 9), 0.63, 0.2, 0.5, 0.6, 0.15, 0.1),
        "heel": _point((17, 41, 58), (29, 34, 62), (3, 4, 10), 0.64, 0.2, 0.4, 0.7, 0.15, 0.11),
        "index": _point((57, 56, 114), (30, 27, 64), (4, 4, 10), 0.68, 0.17, 0.4, 1.0, 0.2, 0.11),
        "ear": _point((73, 62, 60), (33, 30, 37), (3, 3, 6), 0.33, 0.24, 0.5, 0.6, 0.15, 0.14),
        "nose": _point((29, 39, 24), (32, 38, 37), (5, 3, 8), 0.36, 0.24, 1.0, 0.9, 0.25, 0.16),
    },
    "full": {
        "shoulder": _point((25, 21, 30), (22, 23, 40), (2, 2, 5), 0.39, 0.23, 0.6, 0.7, 0.1, 0.15),
        "elbow": _point((40, 40, 99), (29, 32, 63), (8, 9, 11), 0.34, 0.21, 0.7, 1.4, 0.65, 0.11),
        "wrist": _point((41, 40, 164), (41, 40, 108), (16, 19, 24), 0.20, 0.13, 0.75, 2.2, 1.25, 0.07),
        "hip": _point((19, 12, 14), (6, 8, 16), (1, 1, 1), 0.93, 0.2, 0.6, 0.7, 0.1, 0.18),
        "knee": _point((28, 34, 62), (24, 23, 61), (3, 2, 7), 0.59, 0.18, 0.5, 0.9, 0.15, 0.2),
        "ankle": _point((18, 39, 59), (26, 39, 88), (4, 4, 10), 0.69, 0.2, 0.7, 0.8, 0.2, 0.09),
        "heel": _point((34, 56, 77), (25, 43, 92), (4, 4, 10), 0.70, 0.18, 0.9, 1.0, 0.2, 0.11),
        "index": _point((21, 37, 134), (36, 41, 99), (5, 4, 11), 0.75, 0.19, 0.5, 1.2, 0.25, 0.08),
        "ear": _point((43, 36, 68), (21, 34, 35), (3, 3, 6), 0.38, 0.22, 0.5, 0.7, 0.15, 0.14),
        "nose": _point((19, 11, 30), (36, 39, 38), (4, 3, 7), 0.40, 0.23, 0.85, 0.9, 0.15, 0.18),
    },
}
#: Length of an upper arm or forearm in the landmarks over the true one beyond what ``gain`` makes of it, mean and
#: standard deviation over clips (with it: 0.85, some 0.65).
ARMS: dict[str, tuple[float, float]] = {"heavy": (0.92, 0.08), "full": (0.92, 0.06)}
#: Other points of the face are as good as the ear, those of the hand as the wrist.
_LIKE = {"outer": "ear", "inner": "ear", "eye": "ear", "mouth": "ear", "pinky": "wrist", "thumb": "wrist"}


def noise_of(point: str, model: str) -> PointNoise:
    """Noise of a point of ``blazepose33``."""
    words = point.split("_")
    if "foot" in words or (words[-1] in NOISE[model] and words[-1] != "index"):
        return NOISE[model][words[-1]]
    if words[-1] == "index":
        return NOISE[model]["wrist"]
    return NOISE[model][next(_LIKE[word] for word in words if word in _LIKE)]
