"""The SMPL kinematic tree and the keypoint layouts: names, parents, left-right partners.

Plain data without tensors, so every module may import it.
"""

from __future__ import annotations

JOINTS: tuple[str, ...] = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2",
    "left_ankle", "right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar",
    "right_collar", "head", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
    "left_wrist", "right_wrist", "left_hand", "right_hand",
)  # fmt: skip

PARENTS: tuple[int, ...] = (
    -1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21,
)  # fmt: skip

JOINT: dict[str, int] = {name: i for i, name in enumerate(JOINTS)}
NUM_JOINTS = len(JOINTS)
#: The joints used for ground contact: ankles and feet (balls).
FEET: tuple[int, ...] = tuple(JOINT[name] for name in ("left_ankle", "right_ankle", "left_foot", "right_foot"))

COCO17: tuple[str, ...] = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip",
    "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip

OPENPOSE25: tuple[str, ...] = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
    "left_wrist", "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee",
    "left_ankle", "right_eye", "left_eye", "right_ear", "left_ear", "left_big_toe",
    "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
)  # fmt: skip

BLAZEPOSE33: tuple[str, ...] = (
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye",
    "right_eye_outer", "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_pinky",
    "right_pinky", "left_index", "right_index", "left_thumb", "right_thumb", "left_hip",
    "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "left_heel",
    "right_heel", "left_foot_index", "right_foot_index",
)  # fmt: skip

#: COCO's points, then the two head points of MPII, then the feet.
OPENPOSE25B: tuple[str, ...] = (
    *COCO17, "upper_neck", "head_top", "left_big_toe", "left_small_toe", "left_heel", "right_big_toe",
    "right_small_toe", "right_heel",
)  # fmt: skip

#: Keypoint layouts by name (``keypoint_layout`` of a case file).
LAYOUTS: dict[str, tuple[str, ...]] = {
    "smpl24": JOINTS,
    "coco17": COCO17,
    "openpose25": OPENPOSE25,
    "openpose25b": OPENPOSE25B,
    "blazepose33": BLAZEPOSE33,
}


def mirror_order(names: tuple[str, ...]) -> tuple[int, ...]:
    """Index of each name's left-right partner (itself where it has none)."""
    swap = {"left": "right", "right": "left"}

    def partner(name: str) -> str:
        return "_".join(swap.get(part, part) for part in name.split("_"))

    index = {name: i for i, name in enumerate(names)}
    return tuple(index.get(partner(name), i) for i, name in enumerate(names))
