"""A body without a mesh: any rest skeleton on the SMPL tree, such as a case file's ``rest_joints``.

Limb keypoints are the joints themselves. Points that the skeleton lacks (face, toes, heels, knuckles) are fixed to a
joint at the offsets of the embedded mesh body in its mean shape, scaled by the skeleton's height; they are accurate to
a centimetre or two. Simulated cases agree with this: their COCO-17 limb points are the SMPL joints, and their face
points have confidence 0.
"""

from __future__ import annotations

from typing import ClassVar

from ...config import ComponentConfig
from ...data.skeleton import JOINT, JOINTS, PARENTS

NAME = "stick"

#: Left-side point -> joint it is fixed to, offset from that joint in the rest pose (m; +X left, +Y up, +Z forward).
#: Right-side points are mirrored; nose, neck and crown lie in the mirror plane.
OFFSETS: dict[str, tuple[str, tuple[float, float, float]]] = {
    "nose": ("head", (0.0, 0.023, 0.108)),
    "upper_neck": ("head", (0.0, -0.020, -0.010)),
    "head_top": ("head", (0.0, 0.190, 0.020)),
    "left_eye": ("head", (0.030, 0.054, 0.086)),
    "left_ear": ("head", (0.074, 0.036, 0.004)),
    "left_eye_inner": ("head", (0.020, 0.050, 0.087)),
    "left_eye_outer": ("head", (0.043, 0.051, 0.080)),
    "mouth_left": ("head", (0.024, -0.018, 0.090)),
    "left_big_toe": ("left_foot", (-0.013, -0.003, 0.066)),
    "left_small_toe": ("left_foot", (0.046, -0.013, 0.029)),
    "left_heel": ("left_ankle", (0.001, -0.037, -0.036)),
    "left_pinky": ("left_wrist", (0.077, -0.013, -0.035)),
    "left_index": ("left_wrist", (0.098, -0.005, 0.026)),
    "left_thumb": ("left_wrist", (0.086, -0.031, 0.048)),
}
#: Height of the head joint above the ankles in the body that the offsets are from, m.
OFFSETS_HEIGHT = 1.467

#: Radius of each bone for drawing, m, by the joint at its end.
RADII: dict[str, float] = {
    "hip": 0.09, "spine1": 0.11, "knee": 0.07, "spine2": 0.11, "ankle": 0.05, "spine3": 0.11, "foot": 0.04,
    "neck": 0.06, "collar": 0.05, "head": 0.09, "shoulder": 0.05, "elbow": 0.04, "wrist": 0.035, "hand": 0.03,
}  # fmt: skip

#: Capsules for drawing: parent joint, joint, radius in m.
BONES: tuple[tuple[int, int, float], ...] = tuple(
    (PARENTS[i], i, RADII[name.split("_")[-1]]) for i, name in enumerate(JOINTS) if PARENTS[i] >= 0
)


class StickConfig(ComponentConfig):
    """No settings: the skeleton is the clip's."""

    builds: ClassVar[str] = "diffopt_core.parts.bodies.stick_body:stick_of"


def anchored_points() -> dict[str, tuple[int, tuple[float, float, float]]]:
    """Every named point of the stick body: joint index and offset, both sides."""
    out: dict[str, tuple[int, tuple[float, float, float]]] = {}
    for name, (joint, (x, y, z)) in OFFSETS.items():
        out[name] = (JOINT[joint], (x, y, z))
        if "left" in name:
            out[name.replace("left", "right")] = (JOINT[joint.replace("left", "right")], (-x, y, z))
    return out
