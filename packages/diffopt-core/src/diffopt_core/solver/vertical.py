"""The vertical of a camera's world, with its uncertainty, and the rotation that brings it to +Y."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize

from ..data.ragged import own_mean
from ..data.skeleton import FEET, JOINT
from ..host.recipe import PlaceSpec
from ..types import CameraTrajectory, MotionEvidence

#: Angle from the image's up above which a trunk is not believed to show the vertical, rad; the standard deviations of
#: the image's own up that then takes its place, and that stands beside a trunk that turns over.
LYING, IMAGE_UP, IMAGE_BESIDE = 1.05, 0.26, 0.35
#: A trunk that turns by more than this (circular variance, rad^2) shows less of the vertical, by the rest of it.
_SWAYS = 0.05
#: Roll of the camera against the trunk up to which cameras are taken as level, rad; beyond it they are the less.
_LEVEL = 0.35
#: How far a camera is rolled and pitched, rad, beside what a network says; some are far more, so it is not insisted on.
_ROLL, _PITCH, _TAIL = 0.15, 0.3, 4.0
#: Where a network is less sure than this, rad, it has hardly seen the like, and errs by more than it says.
_VAGUE_NETWORK = 0.15
#: How level people lie, rad.
_RESTS = 0.17
#: How level the ground is where feet stand, m, and the time that they have to stand, as a share of the clip.
_GROUND, _STANDS = 0.06, 0.1
#: A vertical that is known less well is doubted, rad.
VAGUE = 0.14
Cues = dict[str, tuple[Float[Tensor, "B 3"], Float[Tensor, "B 3 3"]]]
#: Mask of each clip's own frames; None: all are.
Own = Bool[Tensor, "B T"] | None


@dataclass(frozen=True)
class Vertical:
    """``up [B 3]``: unit vector in the camera's world; ``sd [B]``: its standard deviation, rad, the mean of both tilts.
    ``cues``: of each source the angle [B] from ``up`` (nan where it has no direction), and its own ``sd`` [B] (the
    better tilt's), rad."""

    up: Float[Tensor, "B 3"]
    sd: Float[Tensor, "B"]
    cues: dict[str, tuple[Float[Tensor, "B"], Float[Tensor, "B"]]]

    def facts(self, index: int) -> dict[str, object]:
        """Of one clip, as plain data in degrees."""
        told = {
            name: {"apart_deg": None if math.isnan(float(off[index])) else round(math.degrees(float(off[index])), 1),
                   "sd_deg": round(math.degrees(float(sd[index])), 1)}
            for name, (off, sd) in self.cues.items() if float(sd[index]) < math.pi / 2
        }  # fmt: skip
        return {"sd_deg": round(math.degrees(float(self.sd[index])), 1), "from": told}


def find_up(
    joints: Float[Tensor, "B T 24 3"],
    camera: CameraTrajectory,
    spec: PlaceSpec,
    evidence: MotionEvidence | None = None,
    own: Own = None,
) -> Vertical:
    """The vertical in the camera's world, by all that tells of it, each weighed by its variance.

    The mean trunk points up (to ``trunk_sigma``), and a hand-held camera's x axis is level (to ``roll_sigma``): one x
    axis determines only roll, a camera that turns the pitch as well. If an initializer estimates the vertical, it
    replaces these two, which its input contains, and stands beside the image's own up; the ground is level where it
    says that feet stand. With ``travel_sigma`` the pelvis stays at one height, to this many metres (a runner's trunk
    leans). Lines in the images (``camera.up``) replace the level x axis.

    What contradicts the rest loses its weight: a trunk that turns over, or lies across the image's up, where that takes
    its place; a level camera whose roll the trunk denies; a trunk that leans away from the lines.
    """
    trunk = joints[:, :, JOINT["neck"]] - joints[:, :, JOINT["pelvis"]]
    mean = normalize(own_mean(normalize(trunk, dim=-1), own), dim=-1)
    cues = _of_network(joints, camera, evidence, own) if evidence is not None else _of_trunk(trunk, camera, spec, own)
    if spec.up == "trunk":
        cues = {"trunk": (mean, torch.eye(3).to(mean).expand(len(mean), 3, 3) / spec.trunk_sigma**2)}
    elif spec.travel_sigma is not None:
        cues["path"] = _flat(joints[:, :, JOINT["pelvis"]], spec.travel_sigma, own)
    if camera.up is not None and camera.up_var is not None and spec.up != "trunk":
        lines, variance = _of_lines(camera, own)
        for name in ("network", "trunk", "lying"):
            if name in cues:
                towards, precision = cues[name]
                apart = (lines - towards).square().sum(-1)[:, None, None]
                cues[name] = towards, precision / (1 + apart * _mean_precision(precision))
        cues["lines"] = lines, torch.eye(3).to(lines) / variance
    return _together(cues)


def _together(cues: Cues) -> Vertical:
    """Least squares: of each cue a direction, ``[B 3]``, 0 if it only says what is level, and its precision."""
    total = torch.stack([precision for _, precision in cues.values()]).sum(0)
    pull = torch.stack([(precision @ towards.unsqueeze(-1)) for towards, precision in cues.values()]).sum(0)
    up = normalize(torch.linalg.solve(total, pull).squeeze(-1), dim=-1)
    sd = _tilts(total, up).mean(-1).sqrt()
    told = {}
    for name, (towards, precision) in cues.items():
        cosine = torch.where(towards.norm(dim=-1) > 0, (towards * up).sum(-1).clamp(-1, 1), torch.nan)
        told[name] = (cosine.arccos(), _tilts(precision, up).amin(-1).sqrt())
    return Vertical(up, sd, told)


def _tilts(precision: Float[Tensor, "B 3 3"], up: Float[Tensor, "B 3"]) -> Float[Tensor, "B 2"]:
    """Variances of both tilts of ``up``, rad^2, the better one first."""
    across = torch.eye(3).to(up) - up.unsqueeze(-1) * up.unsqueeze(-2)
    values = torch.linalg.eigvalsh(across @ precision @ across)  # that along up is 0, the first
    return 1 / values[:, 1:].flip(-1).clamp_min(1e-6)


def _mean_precision(precision: Float[Tensor, "B 3 3"]) -> Float[Tensor, "B 1 1"]:
    return torch.diagonal(precision, dim1=-2, dim2=-1).mean(-1)[:, None, None]


def _image_up(camera: CameraTrajectory, own: Own) -> Float[Tensor, "B 3"]:
    return normalize(own_mean(-camera.R[:, :, 1], own), dim=-1)


def _of_network(joints: Tensor, camera: CameraTrajectory, evidence: MotionEvidence, own: Own) -> Cues:
    """What an initializer says of the vertical; beside it the image's up, and the ground under standing feet."""
    mean, spread = evidence_up(evidence, camera, own)
    spread = spread * (1 + spread / _VAGUE_NETWORK**2)
    one = torch.eye(3).to(mean)
    cues = {"network": (mean, one / spread)}
    image = _image_up(camera, own)
    x, z = (_moment(camera.R[:, :, row], own) for row in (0, 2))
    precision = x / _ROLL**2 + z / _PITCH**2
    off = (mean - image).unsqueeze(-1)
    # as far as the network's own doubt does not explain it
    beyond = off.mT @ torch.linalg.inv(torch.linalg.inv(precision + one) + spread * one) @ off
    cues["image"] = image, (precision + one) / (1 + beyond / _TAIL).square()
    cues["feet"] = _ground(joints, evidence.contact, own)
    if bool((spread > VAGUE**2).any()):
        cues["lying"] = _at_rest(joints, image, spread, own)
    return cues


def _at_rest(joints: Tensor, image: Float[Tensor, "B 3"], spread: Tensor, own: Own) -> tuple[Tensor, Tensor]:
    """A steady trunk across the image's up is level, where the network hardly knows: who lies, lies on the ground."""
    trunk = normalize(joints[:, :, JOINT["neck"]] - joints[:, :, JOINT["pelvis"]], dim=-1)
    mean = own_mean(trunk, own)
    lies = ((mean * image).sum(-1).abs() < math.cos(LYING)) & (mean.norm(dim=-1) > math.cos(_LEVEL))
    return torch.zeros_like(mean), (lies[:, None, None] & (spread > VAGUE**2)) * _moment(trunk, own) / _RESTS**2


def _ground(joints: Tensor, contact: Float[Tensor, "B T 4"], own: Own) -> tuple[Tensor, Tensor]:
    """Where feet stand the ground is level: second moments of each of :data:`FEET` about its own mean."""
    feet, weight = joints[:, :, FEET], contact.unsqueeze(-1)
    total = weight.sum(1, keepdim=True)
    away = (feet - (weight * feet).sum(1, keepdim=True) / total.clamp_min(1e-6)) * weight.sqrt()
    moments = torch.einsum("btki,btkj->bij", away, away) / total.sum((1, 2)).unsqueeze(-1).clamp_min(1e-6)
    frames = joints.shape[1] if own is None else own.sum(1)
    enough = (total.mean((1, 2, 3)) / frames > _STANDS)[:, None, None]
    return torch.zeros_like(feet[:, 0, 0]), enough * moments / _GROUND**2


def _of_trunk(trunk: Float[Tensor, "B T 3"], camera: CameraTrajectory, spec: PlaceSpec, own: Own) -> Cues:
    """The mean trunk and level cameras, as far as they agree; or the image's up in place of a lying trunk."""
    summed = own_mean(normalize(trunk, dim=-1), own)
    mean, image, across = normalize(summed, dim=-1), _image_up(camera, own), camera.R[:, :, 0]
    one = torch.eye(3).to(mean)
    sways = (-2 * summed.norm(dim=-1).clamp_min(1e-6).log() - _SWAYS).clamp_min(0.0)[:, None, None]
    lies = ((mean * image).sum(-1) < math.cos(LYING))[:, None]
    mean = torch.where(lies, image, mean)
    spread = torch.where(lies.unsqueeze(-1), IMAGE_UP**2, spec.trunk_sigma**2 + sways)
    cues = {"trunk": (mean, one / spread), "image": (image, (sways > 0) * one / IMAGE_BESIDE**2)}
    if camera.up is None:
        roll = (mean * normalize(own_mean(across, own), dim=-1)).sum(-1).abs()[:, None, None]
        level = _moment(across, own) / spec.roll_sigma**2 / (roll / _LEVEL).clamp_min(1.0) ** 6
        cues["level camera"] = torch.zeros_like(mean), level
    return cues


def _flat(path: Float[Tensor, "B T 3"], sigma: float, own: Own) -> tuple[Tensor, Tensor]:
    """A path that is level, to ``sigma`` m."""
    away = path - own_mean(path, own).unsqueeze(1)
    return torch.zeros_like(path[:, 0]), _moment(away, own) / sigma**2


def _moment(vectors: Float[Tensor, "B T 3"], own: Own) -> Float[Tensor, "B 3 3"]:
    return own_mean(vectors.unsqueeze(-1) * vectors.unsqueeze(-2), own)


def _of_lines(camera: CameraTrajectory, own: Own) -> tuple[Float[Tensor, "B 3"], Float[Tensor, "B 1 1"]]:
    """The vertical from lines in the images, in the camera's world, and its variance."""
    assert camera.up is not None and camera.up_var is not None
    up = own_mean((camera.R.mT @ camera.up.unsqueeze(-1)).squeeze(-1), own)
    return normalize(up, dim=-1), own_mean(camera.up_var, own)[:, None, None]


def evidence_up(
    evidence: MotionEvidence, camera: CameraTrajectory, own: Own = None
) -> tuple[Float[Tensor, "B 3"], Float[Tensor, "B 1 1"]]:
    """The vertical that an initializer estimated, in the camera's world, and its variance, rad^2.

    The variance is that of one frame, because errors of neighbouring frames are correlated.
    """
    weight = 1 / evidence.up_var
    counted = weight if own is None else weight * own
    up = (counted.unsqueeze(-1) * (camera.R.mT @ evidence.up.unsqueeze(-1)).squeeze(-1)).sum(1)
    return normalize(up, dim=-1), 1 / own_mean(weight, own)[:, None, None]


def levelling(up: Float[Tensor, "B 3"]) -> Float[Tensor, "B 3 3"]:
    """A rotation that maps the unit vector ``up`` to +Y: the shortest one, after a half turn about x if ``up`` points
    down (as in a SLAM world whose axes are the first camera's)."""
    flip = torch.tensor([1.0, -1.0, -1.0]).to(up)
    down = (up[:, 1:2] < 0).expand_as(up)
    upward = torch.where(down, up * flip, up)
    x, y, z = upward.unbind(-1)
    share = 1 / (1 + y)
    rows = [1 - x * x * share, -x, -x * z * share, x, y, z, -x * z * share, -z, 1 - z * z * share]
    shortest = torch.stack(rows, -1).unflatten(-1, (3, 3))
    return torch.where(down.unsqueeze(-1).mT, shortest * flip, shortest)
