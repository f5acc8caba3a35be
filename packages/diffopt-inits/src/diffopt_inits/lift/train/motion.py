"""Training windows of motion: recorded motion, augmented by playback speed, mirroring, pose changes and other
bodies."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffopt_core.data.geometry import forward_kinematics, leg_length
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.data.skeleton import FEET, JOINT, NUM_JOINTS, PARENTS
from diffopt_core.host.train.shards import Clips
from diffopt_core.host.train.windows import draw, leg_ratio, proportions
from jaxtyping import Bool, Float
from torch import Tensor

from ..outputs import ROTATIONS
from .noise import Dice
from .settings import MotionSettings

#: A foot joint is in contact below this speed (m/s) and this height above its lowest point in the window (m).
_STILL, _LOW = 0.35, 0.06
_UPPER = [JOINT[f"{s}_{p}"] for s in ("left", "right") for p in ("collar", "shoulder", "elbow", "wrist")]
_OTHERS = [*_UPPER, JOINT["neck"], JOINT["head"]]


@dataclass(frozen=True)
class Motion:
    """World, Y up, m. ``rest``: T-pose about the pelvis. ``joints``: positions; ``rotations``: global, 24 joints.
    ``velocity``: of the pelvis, m/s. ``contact``: of four foot joints; not valid in windows that were ``bent``. The
    vertical is not valid in windows that were ``tilted``."""

    pose: Float[Tensor, "B T 24 3 3"]
    root: Float[Tensor, "B T 3"]
    rest: Float[Tensor, "B 24 3"]
    rotations: Float[Tensor, "B T 24 3 3"]
    joints: Float[Tensor, "B T 24 3"]
    velocity: Float[Tensor, "B T 3"]
    contact: Bool[Tensor, "B T 4"]
    bent: Bool[Tensor, "B"]
    tilted: Bool[Tensor, "B"]

    @property
    def leg(self) -> Float[Tensor, "B"]:
        """Leg length, m."""
        return leg_length(offsets_of(self.rest))


def rest_of(offsets: Float[Tensor, "B 24 3"]) -> Float[Tensor, "B 24 3"]:
    """Rest positions relative to the pelvis, from offsets to the parents."""
    above = torch.zeros(NUM_JOINTS, NUM_JOINTS)
    for joint in range(1, NUM_JOINTS):
        above[joint] = above[PARENTS[joint]]
        above[joint, joint] = 1.0
    return above @ offsets


def offsets_of(rest: Float[Tensor, "B 24 3"]) -> Float[Tensor, "B 24 3"]:
    """Inverse of :func:`rest_of`."""
    parents = [max(p, 0) for p in PARENTS]
    return rest - rest[..., parents, :]


def speed_of(x: Float[Tensor, "B T *d"], fps: Float[Tensor, "B"]) -> Float[Tensor, "B T *d"]:
    """Central differences per second, one-sided at the ends."""
    middle = (x[:, 2:] - x[:, :-2]) / 2
    step = torch.cat([x[:, 1:2] - x[:, :1], middle, x[:, -1:] - x[:, -2:-1]], 1)
    return step * fps.view(-1, *[1] * (x.dim() - 1))


def rates(settings: MotionSettings, batch: int, slow: bool, generator: torch.Generator) -> Float[Tensor, "B"]:
    """Frame rates of windows."""
    low, high = settings.slow_fps if slow else settings.fps
    return low * (high / low) ** torch.rand(batch, generator=generator)


def perform(
    clips: Clips, offsets: Float[Tensor, "24 3"], dice: Dice, settings: MotionSettings, generator: torch.Generator
) -> Motion:
    """Draw and augment windows."""
    tempo = 1 + settings.tempo * dice.uniform(-1, 1) * dice.chance(0.5)
    pose, root = draw(clips, dice.batch, dice.frames, generator, tempo * clips.fps / dice.fps)
    varied = proportions(offsets, dice.batch, settings.proportions, generator)
    root = root * leg_ratio(varied, offsets)
    pose = _mix(pose, dice.chance(settings.mixed_share))
    bent = dice.chance(settings.broad_share)
    pose = torch.where(bent[:, None, None, None, None], _bend(pose, dice, settings.broad_sd), pose)
    tilted = dice.chance(settings.tilt_share)
    axis = dice.normal(3) * torch.tensor([1.0, 0.3, 1.0]) * settings.tilt_sd * tilted[:, None]
    orient = axis_angle_to_matrix(axis)[:, None] @ pose[:, :, 0]
    pose = torch.cat([orient.unsqueeze(2), pose[:, :, 1:]], 2)
    rest = rest_of(varied)
    rotations, about = forward_kinematics(pose, rest.unsqueeze(1).expand(-1, dice.frames, -1, -1), PARENTS)
    joints = about + root.unsqueeze(2)
    feet = joints[:, :, list(FEET)]
    height = feet[..., 1] - feet[..., 1].amin(1, keepdim=True)
    contact = (speed_of(feet, dice.fps).norm(dim=-1) < _STILL) & (height < _LOW)
    return Motion(pose, root, rest, rotations, joints, speed_of(root, dice.fps), contact, bent, tilted)


def _mix(pose: Float[Tensor, "B T 24 3 3"], mixed: Bool[Tensor, "B"]) -> Float[Tensor, "B T 24 3 3"]:
    """Arms and head of another window of the batch, in the windows ``mixed``: combinations that nobody recorded."""
    other = pose.clone()
    other[:, :, _OTHERS] = pose.roll(1, 0)[:, :, _OTHERS]
    return torch.where(mixed[:, None, None, None, None], other, pose)


def _bend(pose: Float[Tensor, "B T 24 3 3"], dice: Dice, sd: float) -> Float[Tensor, "B T 24 3 3"]:
    """Slow random rotations of every joint except root and hands, for poses that are not in the data."""
    how_much = sd * dice.uniform(0.2, 1.0, 1, 1, 1)
    turn = how_much * (0.7 * dice.wandering(1.5, ROTATIONS, 3) + 0.7 * dice.normal(1, ROTATIONS, 3))
    turn[:, :, 0] = 0.0
    # arms vary more than trunk and legs
    turn[:, :, _UPPER] *= 1.5
    bent = pose.clone()
    bent[:, :, :ROTATIONS] = pose[:, :, :ROTATIONS] @ axis_angle_to_matrix(turn)
    return bent
