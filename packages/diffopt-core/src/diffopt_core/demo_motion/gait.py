"""A procedural gait for any rest skeleton on the SMPL tree.

Footprints are laid along a curved path, stance feet stay on them exactly, swing feet fly between them, the pelvis bobs
and sways above, and the legs follow by analytic two-bone inverse kinematics. No motion capture and no learned prior
went into it. Derivation: this project.

Phases are those of the left foot in cycles: heel strike at 0, toe-off at ``LIFT``. World: metres, Y up, floor y = 0.
"""

from __future__ import annotations

import numpy as np
import torch

from ..skeleton import JOINT, NUM_JOINTS
from ..types import HumanMotion
from .course import Course
from .curves import Array, below, unsteady
from .feet import bend_leg, highest, track_foot
from .trunk import pelvis, ripple, sway, upper_body

SOLE = 0.02  # m, from the toe joint to the floor
_LEG = 0.84  # m, thigh and shin of the adult whose stride the numbers are; others are scaled to it


def walk(rest: Array, frames: int, fps: float, sole: float = SOLE) -> HumanMotion:
    """The gait of a (24, 3) rest skeleton (m, T-pose, feet flat); ``sole``: toe joint above the floor, m."""
    size = _length(rest, "hip", "knee") + _length(rest, "knee", "ankle")
    course = Course.plan(size / _LEG, frames / fps)
    time = np.arange(frames) / fps
    phase = course.at(course.phase, time)
    effort = np.clip(course.at(course.speed, time) / (1.30 * size / _LEG), 0.0, 1.0)

    pose = np.broadcast_to(np.eye(3), (frames, NUM_JOINTS, 3, 3)).copy()
    pose[:, 0] = pelvis(course.at(course.heading, time), phase, effort)
    trans = course.place(time, (sway(phase, effort) + unsteady(time, 0, 0.005)) * size / _LEG)
    feet = {side: track_foot(course, rest, side, time, sole) for side in ("left", "right")}
    hips = {side: trans + pose[:, 0] @ rest[JOINT[f"{side}_hip"]] for side in feet}
    limit = np.min([highest(hips[side], feet[side].ankle, 0.98 * size) for side in feet], axis=0)
    height = below(limit, int(np.ceil(0.12 * fps))) - size / _LEG * ripple(phase, effort)
    trans[:, 1] += height
    for side, foot in feet.items():
        bend_leg(pose, rest, side, hips[side] + height[:, None] * np.eye(3)[1], foot)
    upper_body(pose, course, time, phase, effort)
    return HumanMotion(torch.from_numpy(pose).float(), torch.from_numpy(trans).float(), torch.zeros(10))


def _length(rest: Array, upper: str, lower: str) -> float:
    return float(np.linalg.norm(rest[JOINT[f"left_{upper}"]] - rest[JOINT[f"left_{lower}"]]))
