"""Keypoint layouts in files of other programs: recognition, and conversion to the supported layouts.

A layout is recognised by its number of points; layouts of equal size are distinguished by points that lie midway
between two others.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from diffopt_core.data.skeleton import COCO17, LAYOUTS, OPENPOSE25, OPENPOSE25B
from diffopt_core.errors import BadInput

_log = logging.getLogger(__name__)
_TOES = tuple(f"{side}_{part}" for side in ("left", "right") for part in ("big_toe", "small_toe", "heel"))
#: Points after COCO's 17 in HALPE-26 (AlphaPose, RTMPose, Pose2Sim); its neck is not supported.
_HALPE = (
    "head_top",
    "",
    "",
    *(f"{side}_{part}" for part in ("big_toe", "small_toe", "heel") for side in ("left", "right")),
)
HALPE26 = (*COCO17, *_HALPE)
#: Human3.6M's 17: hips are inside the body, trunk and head points have no counterpart.
H36M17 = (
    "", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "", "", "", "",
    "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
)  # fmt: skip
#: OpenPose's COCO order; it has a neck, unlike coco17.
COCO18 = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye",
    "right_ear", "left_ear",
)  # fmt: skip
#: By number of points: name, points in order, our layout, and (point, one, other): points midway between two others.
_KNOWN: dict[int, tuple[tuple[str, tuple[str, ...], str, tuple[tuple[int, int, int], ...]], ...]] = {
    17: (("COCO", COCO17, "coco17", ()), ("Human3.6M", H36M17, "coco17", ((0, 1, 4), (8, 11, 14)))),
    18: (("OpenPose's COCO", COCO18, "coco17", ()),),
    23: (("COCO with feet", (*COCO17, *_TOES), "openpose25b", ()),),
    25: (("OpenPose's BODY_25", OPENPOSE25, "openpose25", ()), ("BODY_25B", OPENPOSE25B, "openpose25b", ((17, 5, 6),))),
    26: (("HALPE-26", HALPE26, "openpose25b", ()),),
    133: (("COCO-WholeBody", (*COCO17, *_TOES), "openpose25b", ()),),
    136: (("HALPE-136", HALPE26, "openpose25b", ()),),
}
#: Tolerance of midway points, as a share of the person's size.
_NEAR = 0.08


def in_our_layout(points: np.ndarray, path: Path, key: str = "keypoints") -> tuple[np.ndarray, str]:
    """``[n J 3]`` (x px, y px, confidence) in a supported layout, and its name; a converted order is logged.

    Points that the layout lacks are dropped; points that the file lacks have confidence 0. Raises BadInput for an
    unknown number of points.
    """
    count = points.shape[1]
    if count not in _KNOWN:
        counts = ", ".join(f"{n} ({' or '.join(row[0] for row in rows)})" for n, rows in _KNOWN.items())
        raise BadInput(path, key, f"{count} points per person; known: {counts}")
    usual, *others = _KNOWN[count]
    name, has, ours, _ = next((row for row in others if _midway(points, row[3])), usual)
    if has != LAYOUTS[ours]:
        _log.warning(f"{path}: {count} points in the order of {name}, read as {ours}")
    out = np.zeros((len(points), len(LAYOUTS[ours]), 3))
    for index, point in enumerate(LAYOUTS[ours]):
        if point in has:
            out[:, index] = points[:, has.index(point)]
    return out, ours


def _midway(points: np.ndarray, triples: tuple[tuple[int, int, int], ...]) -> bool:
    """Whether, in the median over the frames, each of these points is midway between the two others."""
    rows = points[(points[..., 2] > 0).all(1), :, :2]
    if not len(rows):
        return False
    size = np.ptp(rows, axis=1).max(-1).clip(1e-9)
    off = [np.linalg.norm(rows[:, p] - (rows[:, a] + rows[:, b]) / 2, axis=-1) / size for p, a, b in triples]
    return all(float(np.median(one)) < _NEAR for one in off)
