"""What the denoiser is trained on, and its loss (eq. 2) on normalised features.

More motion than was recorded is drawn: other tempi, other postures, other pairs of upper and lower body. What a body
may do at another tempo is limited by gravity: a person in the air falls as fast as anyone. So windows in which somebody
leaves the floor keep the tempo at which they were recorded (give or take ``windows.SPEED``). Legs are never bent, so
that feet that stand still stand; contacts are found again after all changes, by the features' rule.
"""

from __future__ import annotations

import math

import torch
from diffopt_core.data.rotation import axis_angle_to_matrix, columns_to_matrix
from diffopt_core.data.skeleton import JOINT
from diffopt_core.host.train import windows
from diffopt_core.host.train.shards import Clips
from jaxtyping import Bool, Float
from torch import Tensor

from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.features import CONTACTS, ROOT_VELOCITY, foot_velocity, kinematics

#: Slowest and fastest playback that still counts as natural.
_TEMPO = (0.6, 1.7)
#: A body whose lowest joint is higher than this (m) is in the air, or on something that the data does not show.
_AIR = 0.08
#: Standard deviation (degrees) of what a joint is turned by, the same for a whole window; as much again sways slowly.
_TURNS = {
    **dict.fromkeys(("spine1", "spine2", "spine3"), 4.0),
    **dict.fromkeys(("neck", "head"), 6.0),
    **dict.fromkeys(("left_collar", "right_collar"), 3.0),
    **dict.fromkeys(("left_shoulder", "right_shoulder", "left_elbow", "right_elbow"), 14.0),
    **dict.fromkeys(("left_wrist", "right_wrist"), 10.0),
}
_SIDES = ("left", "right")
_ARMS = [
    JOINT[n] for n in ("neck", "head", *(f"{s}_{p}" for s in _SIDES for p in ("collar", "shoulder", "elbow", "wrist")))
]
#: Shares of the windows that get another posture, and another's arms where their steps agree.
_BROADENED, _MIXED = 0.5, 0.25
#: Steps agree from this correlation of the thighs' swing; below the swing (radians) a person does not step.
_IN_STEP, _SWING = 0.6, 0.08


def tempo(batch: int, generator: torch.Generator) -> Float[Tensor, "B"]:
    """Playback rates: 1 for a third of the windows, else log-uniform over the natural range."""
    u, v = torch.rand(2, batch, generator=generator)
    low, high = (math.log2(bound) for bound in _TEMPO)
    return torch.where(u < 1 / 3, 1.0, 2 ** (low + (high - low) * v))


def airborne(clips: Clips, offsets: Float[Tensor, "24 3"], block: int = 20_000) -> Bool[Tensor, "N"]:
    """Frames of the clips in which no joint is near the floor."""
    lowest = [
        kinematics(columns_to_matrix(d6), trans, offsets)[..., 1].amin(-1)
        for d6, trans in zip(clips.d6.split(block), clips.trans.split(block), strict=True)
    ]
    return torch.cat(lowest) > _AIR


class Augmented:
    """Windows of the clips with all of the above. One generator decides everything."""

    def __init__(self, clips: Clips, offsets: Float[Tensor, "24 3"]) -> None:
        self.clips = clips
        air = airborne(clips, offsets).long()
        self._air_before = torch.cat([air.new_zeros(1), air.cumsum(0)])

    def __call__(
        self, batch: int, frames: int, generator: torch.Generator, rate: Tensor, told: Bool[Tensor, "B"]
    ) -> tuple[Float[Tensor, "B T 24 3 3"], Float[Tensor, "B T 3"]]:
        """Pose and root (m). ``told``: windows whose rate the network is told, so that it may defy gravity."""
        chosen, first, reach = windows.choose(self.clips, batch, frames, generator, rate)
        last = torch.minimum(first + reach, (self.clips.start + self.clips.length)[chosen])
        flies = self._air_before[last] > self._air_before[first]
        rate = torch.where(flies & ~told, rate.clamp(1 - windows.SPEED, 1 + windows.SPEED), rate)
        # A slow window is now played faster and needs more of its clip: it moves back as far as that takes.
        need = ((frames - 1) * rate.abs()).long() + 2
        end = (self.clips.start + self.clips.length)[chosen]
        first = torch.maximum(torch.minimum(first, end - need), self.clips.start[chosen])
        pose, root = windows.play(self.clips, chosen, first, frames, generator, rate)
        return broaden(mix(pose, generator), generator), root


def broaden(pose: Float[Tensor, "B T 24 3 3"], generator: torch.Generator) -> Float[Tensor, "B T 24 3 3"]:
    """Trunk, head and arms turned by a constant and a slow sway, in half of the windows."""
    batch, frames = pose.shape[:2]
    spread = torch.zeros(pose.shape[2])
    spread[[JOINT[name] for name in _TURNS]] = torch.deg2rad(torch.tensor(list(_TURNS.values())))
    still, sway = torch.randn(2, batch, 1, pose.shape[2], 3, generator=generator)
    chosen, phase, periods = torch.rand(3, batch, 1, 1, 1, generator=generator)
    time = torch.linspace(0, 1, frames).view(1, -1, 1, 1)
    angle = still + sway * torch.cos(2 * math.pi * (phase + periods * time))
    turn = axis_angle_to_matrix(angle * spread.unsqueeze(-1))
    return torch.where((chosen < _BROADENED).unsqueeze(-1), pose @ turn, pose)


def mix(pose: Float[Tensor, "B T 24 3 3"], generator: torch.Generator) -> Float[Tensor, "B T 24 3 3"]:
    """Arms and head of another window, where both step alike or neither steps."""
    other = pose.roll(1, 0)
    # Flexion of a thigh is the turn about the pelvis' x axis.
    left, right = (pose[:, :, JOINT[f"{side}_hip"], 2, 1].asin() for side in _SIDES)
    swing = (left - right) - (left - right).mean(1, keepdim=True)
    size = swing.square().mean(1).sqrt()
    alike = (swing * swing.roll(1, 0)).mean(1) > _IN_STEP * size * size.roll(1, 0)
    agree = torch.where(size > _SWING, alike & (size.roll(1, 0) > _SWING), size.roll(1, 0) <= _SWING)
    chosen = agree & (torch.rand(len(pose), generator=generator) < _MIXED)
    mixed = pose.clone()
    mixed[:, :, _ARMS] = torch.where(chosen[:, None, None, None, None], other[:, :, _ARMS], pose[:, :, _ARMS])
    return mixed


#: Weight of a channel in the squared error; others 1. The path is what the prior is for.
_CHANNEL_WEIGHT = {0: 4.0, 1: 10.0, 2: 10.0, 3: 4.0}
#: Added to the error of the linear estimate before it scales the loss: below it a level gets no further weight.
_ERROR_FLOOR = 5e-3
#: Share of the noise levels that is drawn from the last quarter of the schedule, denser towards its end.
_HIGH_SHARE, _HIGH_RANGE = 1 / 3, 0.25
#: Playback rates of the windows that say so: 2 to the power of at most this.
_OCTAVES = 1.2


def channel_weight(dim: int) -> Float[Tensor, "D"]:
    """Weights of the channels, mean 1."""
    weight = torch.ones(dim)
    for channel, value in _CHANNEL_WEIGHT.items():
        weight[channel] = value
    return weight / weight.mean()


def noise_levels(batch: int, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Body and trajectory levels ``[B]``: 40 % equal, 34 % trajectory noisier, 10 % independent; in 16 % one of the two
    is given (step 0) and the other asked for: what path belongs to this body, or what body to this path.

    A third of the levels is drawn close to pure noise: slow coefficients have thousands of times the mean variance,
    so where a motion goes and whether it moves at all is decided there.
    """
    t, other, kind, high, near = torch.rand(5, batch, generator=generator)
    t = torch.where(high < _HIGH_SHARE, 1 - _HIGH_RANGE * near.square(), t)
    noisier, given = t + (1 - t) * other, torch.zeros_like(t)
    root = torch.where(kind < 0.4, t, torch.where(kind < 0.74, noisier, other))
    body = torch.where(kind > 0.92, given, t)
    root = torch.where(kind > 0.92, t, torch.where(kind > 0.84, given, root))
    return (body * steps).long().clamp(max=steps - 1), (root * steps).long().clamp(max=steps - 1)


def playback(
    batch: int, share: float, generator: torch.Generator, fastest: float
) -> tuple[Float[Tensor, "B"], Float[Tensor, "B 2"]]:
    """Rates (negative: backwards) and the condition that says so. A ``share`` of the windows is played at 2^-1.2 to
    2^1.2 of the speed (at most ``fastest``), half of them backwards; the rest has a natural tempo and says (0, 0)."""
    kind, octave, back = torch.rand(3, batch, generator=generator)
    octaves = (_OCTAVES * (2 * octave - 1)).clamp(max=math.log2(fastest))
    backwards = back < 0.5
    # Half of the backward windows keep their speed: the plain question "which way?".
    octaves = torch.where(back < 0.25, torch.zeros_like(octaves), octaves)
    altered = kind < share
    rate = torch.where(
        altered, torch.where(backwards, -1.0, 1.0) * 2**octaves, tempo(batch, generator).clamp(max=fastest)
    )
    said = torch.stack([octaves, backwards.float()], dim=1)
    return rate, torch.where(altered.unsqueeze(1), said, torch.zeros_like(said))


def foot_speed(denoiser: Denoiser, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T 4 2"]:
    """Horizontal velocity of the four foot joints in units of the root's standard deviation (linear in x)."""
    return foot_velocity(denoiser.denormalise(x)) / denoiser.std[ROOT_VELOCITY]


def level_weight(denoiser: Denoiser, frames: int, t: Tensor, root_t: Tensor) -> Float[Tensor, "B 1 D"]:
    """1 / (error of the linear estimate + floor), by channel group: every level matters about equally."""
    assert denoiser.spectral is not None
    alpha, sigma = denoiser.level("alpha", t, root_t), denoiser.level("sigma", t, root_t)
    error = denoiser.spectral.error(frames, alpha, sigma).mean(1, keepdim=True)
    body, path = error[..., ~denoiser.trajectory].mean(-1), error[..., denoiser.trajectory].mean(-1)
    error = torch.where(denoiser.trajectory, path.unsqueeze(-1), body.unsqueeze(-1))
    return 1 / (error + _ERROR_FLOOR)


def loss(
    denoiser: Denoiser,
    x: Float[Tensor, "B T D"],
    t: Tensor,
    root_t: Tensor,
    noise: Tensor,
    weight: Float[Tensor, "D"],
    *,
    played: Float[Tensor, "B 2"] | None = None,
    difference_weight: float,
    foot_weight: float,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Scalar loss and its detached parts.

    Squared error of x0, plus ``difference_weight`` x that of its temporal differences, both in units of the linear
    estimate's error at that level, plus ``foot_weight`` x the squared error of foot velocities where the data has
    contact. The last fades with the noise of the body (alpha^4): where nobody can tell which foot stands, that error is
    least for someone who does not travel, and the prior would slow everyone down.
    """
    predicted = denoiser.predict(denoiser.noised(x, t, root_t, denoiser.colour(noise)), t, root_t, played)
    error = predicted - x
    scale = weight * level_weight(denoiser, x.shape[1], t, root_t)
    plain = (scale * error**2).mean()
    difference = (scale * (error[:, 1:] - error[:, :-1]) ** 2).mean()
    contact = denoiser.denormalise(x)[..., CONTACTS].unsqueeze(-1)
    clear = denoiser.level("alpha", t, t)[..., :1].unsqueeze(-1) ** 4
    foot = (contact * clear * (foot_speed(denoiser, predicted) - foot_speed(denoiser, x)) ** 2).mean()
    total = plain + difference_weight * difference + foot_weight * foot
    return total, {"x0": plain.detach(), "difference": difference.detach(), "foot": foot.detach()}
