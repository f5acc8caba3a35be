"""SMPL pose from landmark directions in closed form: bone swings, and twists from hinge planes.

Every rotation maps a frame of two directions in the rest pose to the observed frame. The twist of thigh and upper arm
comes from the hinge axis of knee and elbow; for a nearly straight limb, where that axis is undefined, it is blended
into the axis carried along by the parent. Swing and twist as in HybrIK (Li et al. 2021, sec. 3.2), but with the twist
from landmarks instead of a network.
"""

from __future__ import annotations

import torch
from diffopt_core.data.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from diffopt_core.data.skeleton import BLAZEPOSE33, JOINT, NUM_JOINTS
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from .rest import RestBody

_POINT = {name: i for i, name in enumerate(BLAZEPOSE33)}
#: Sine of the hinge angle below which the carried axis has the larger weight.
STRAIGHT = 0.25
#: Length from heel to toe, m, below which the foot's direction is that of the rest pose.
SHORT_FOOT = 0.05
#: Flexion axes in the rest pose (T-pose, palms down): positive angles bend.
_HINGES = {"left_leg": (1.0, 0, 0), "right_leg": (1.0, 0, 0), "left_arm": (0, -1.0, 0), "right_arm": (0, 1.0, 0)}


def analytic_pose(landmarks: Float[Tensor, "T 33 3"], rest: RestBody) -> Float[Tensor, "T 24 3 3"]:
    """Local rotations, joint 0 in the landmarks' frame (camera axes)."""
    seen = {name: landmarks[:, i] for name, i in _POINT.items()}
    still = {name: rest.points[i] for name, i in _POINT.items()}
    frames = len(landmarks)
    local = torch.eye(3).to(landmarks).expand(frames, NUM_JOINTS, 3, 3).clone()

    root = _turn(*_trunk(still, "hip"), *_trunk(seen, "hip"))
    chest = _turn(*_trunk(still, "shoulder"), *_trunk(seen, "shoulder"))
    head = _turn(*_head(still), *_head(seen))
    local[:, 0] = root
    bend = matrix_to_axis_angle(root.mT @ chest)
    for name in ("spine1", "spine2", "spine3"):
        local[:, JOINT[name]] = axis_angle_to_matrix(bend / 3)
    nod = matrix_to_axis_angle(chest.mT @ head)
    for name in ("neck", "head"):
        local[:, JOINT[name]] = axis_angle_to_matrix(nod / 2)

    for side in ("left", "right"):
        leg = [f"{side}_{part}" for part in ("hip", "knee", "ankle")]
        arm = [f"{side}_{part}" for part in ("shoulder", "elbow", "wrist")]
        thigh, shin = _hinged(seen, still, leg, _HINGES[f"{side}_leg"], root)
        upper, fore = _hinged(seen, still, arm, _HINGES[f"{side}_arm"], chest)
        foot = _turn(*_foot(still, side, torch.eye(3).to(landmarks)), *_foot(seen, side, shin))
        for joint, parent, turned in (
            ("hip", root, thigh),
            ("knee", thigh, shin),
            ("ankle", shin, foot),
            ("shoulder", chest, upper),
            ("elbow", upper, fore),
        ):
            local[:, JOINT[f"{side}_{joint}"]] = parent.mT @ turned
    return local


def _trunk(p: dict[str, Tensor], line: str) -> tuple[Tensor, Tensor]:
    """Left-right axis of the hips or the shoulders, and the up direction."""
    up = p["left_shoulder"] + p["right_shoulder"] - p["left_hip"] - p["right_hip"]
    return p[f"left_{line}"] - p[f"right_{line}"], up


def _head(p: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    return p["left_ear"] - p["right_ear"], p["nose"] - (p["left_ear"] + p["right_ear"]) / 2


def _foot(p: dict[str, Tensor], side: str, shin: Tensor) -> tuple[Tensor, Tensor]:
    """Heel-to-toe direction (if too short, the shin's forward direction) and the shin's hinge axis, because feet hardly
    roll."""
    forward = p[f"{side}_foot_index"] - p[f"{side}_heel"] + SHORT_FOOT * shin[..., :, 2]
    return forward, shin[..., :, 0].expand_as(forward)


def _hinged(
    seen: dict[str, Tensor], still: dict[str, Tensor], names: list[str], hinge: tuple[float, ...], parent: Tensor
) -> tuple[Tensor, Tensor]:
    """Global rotations of the two bones of a limb."""
    a, b, c = (seen[name] for name in names)
    rest_a, rest_b, rest_c = (still[name] for name in names)
    first, second = normalize(b - a, dim=-1), normalize(c - b, dim=-1)
    rest_hinge = torch.tensor(hinge).to(a)
    rest_first = normalize(rest_b - rest_a, dim=-1)
    carried = (_swing(parent @ rest_first, first) @ parent) @ rest_hinge
    axis = torch.linalg.cross(first, second) + STRAIGHT * carried
    return (
        _turn(rest_first, rest_hinge, first, axis),
        _turn(normalize(rest_c - rest_b, dim=-1), rest_hinge, second, axis),
    )


def _frame(primary: Tensor, secondary: Tensor) -> Tensor:
    """Right-handed frame: the first column is ``primary``, the second the orthogonal part of ``secondary``."""
    x = normalize(primary, dim=-1)
    y = normalize(secondary - (x * secondary).sum(-1, keepdim=True) * x, dim=-1)
    return torch.stack([x, y, torch.linalg.cross(x, y)], -1)


def _turn(rest_primary: Tensor, rest_secondary: Tensor, primary: Tensor, secondary: Tensor) -> Tensor:
    """Rotation from the rest frame to the observed one."""
    return _frame(primary, secondary) @ _frame(rest_primary, rest_secondary).mT


def _swing(start: Tensor, end: Tensor) -> Tensor:
    """Shortest rotation between unit vectors ``[T 3]``."""
    axis = torch.linalg.cross(start, end)
    sine, cosine = axis.norm(dim=-1, keepdim=True), (start * end).sum(-1, keepdim=True)
    return axis_angle_to_matrix(axis / sine.clamp_min(1e-6) * torch.atan2(sine, cosine))
