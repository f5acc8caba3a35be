"""First poses whose body faces the wrong way in single frames or for up to a second: found over time, and undone.

Regressors see one image at a time, and two bodies fit it nearly alike: one turned by half a turn, and the one mirrored
in depth, with left and right exchanged.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..data.geometry import forward_kinematics
from ..data.skeleton import JOINTS, PARENTS, mirror_order
from ..types import CameraFrameBody
from .sequence import Followed, by_most, choose, minority
from .sides import LONGEST, SECOND

#: Expected error of a joint about the pelvis, m.
NOISE = 0.05
_PARTNER = list(mirror_order(JOINTS))
#: Reflections: of a body in its own left and right, and of the camera's depth.
_ACROSS, _DEPTH = torch.diag(torch.tensor([-1.0, 1.0, 1.0])), torch.diag(torch.tensor([1.0, 1.0, -1.0]))
_HALF_TURN = torch.diag(torch.tensor([-1.0, 1.0, -1.0]))
#: The readings by their names in ``facts``.
KINDS = {1: "half_turns_undone", 2: "mirrored_in_depth_undone"}


def pose_of(body: CameraFrameBody) -> Float[Tensor, "T 24 3 3"]:
    """Root and joints of a body in one tensor, float32 on the CPU."""
    return torch.cat([body.global_orient.unsqueeze(1), body.body_pose], 1).float().cpu()


def readings(pose: Float[Tensor, "T 24 3 3"]) -> list[Tensor]:
    """The pose as it is, turned by half a turn about its own axis, and mirrored in depth."""
    half, mirrored = pose.clone(), _ACROSS @ pose[:, _PARTNER] @ _ACROSS
    half[:, 0] = pose[:, 0] @ _HALF_TURN
    mirrored[:, 0] = _DEPTH @ pose[:, 0] @ _ACROSS
    return [pose, half, mirrored]


def joints_of(pose: Float[Tensor, "T 24 3 3"], rest: Float[Tensor, "24 3"]) -> Float[Tensor, "T 24 3"]:
    """Joints about the pelvis in the camera's axes, m."""
    return forward_kinematics(pose, rest.float().cpu(), PARENTS)[1]


def in_place(body: CameraFrameBody, rest: Float[Tensor, "24 3"], fps: float) -> tuple[CameraFrameBody, list[int]]:
    """The body that faces as it does before and after, and the frames that were changed; without any, the body
    itself."""
    options = readings(pose_of(body))
    places = torch.stack([joints_of(pose, rest) for pose in options]).numpy().astype(float)
    frames, joints = places.shape[1:3]
    if frames < 3:
        return body, []
    noise = NOISE + np.median(np.linalg.norm(np.diff(places[0], 2, axis=0), axis=-1), axis=0)
    group = Followed(places, np.ones((frames, joints)), noise, np.zeros((frames, 3)))
    time, held = np.arange(frames) / fps, np.array([0.0, SECOND, SECOND])
    state = choose([group], np.arange(3)[:, None], time, held, 1.0 - np.eye(3))
    state = minority(by_most(state), time, LONGEST)
    if not state.any():
        return body, []
    found = torch.stack(options)[torch.from_numpy(state), torch.arange(frames)]
    facts = {name: np.flatnonzero(state == kind).tolist() for kind, name in KINDS.items() if (state == kind).any()}
    changed = replace(
        body,
        global_orient=found[:, 0].to(body.global_orient),
        body_pose=found[:, 1:].to(body.body_pose),
        facts={**body.facts, **facts},
    )
    return changed, np.flatnonzero(state).tolist()
