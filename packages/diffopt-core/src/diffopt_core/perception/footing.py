"""The person's size from feet that stand: while a camera moves whose path is in metres, or on a known floor."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..data.skeleton import FEET
from ..interfaces import Body
from ..types import CameraFrameBody, CameraTrajectory, Observations
from .bones import of_mean_shape

#: Time over which displacements are taken, s.
_GAP = 0.2
#: Widths of the robust error, m, one round each: a foot that swings does not count.
_WIDTHS = (0.5, 0.3, 0.15, 0.1, 0.1, 0.1)
#: Softness with which the slowest foot is the one that stands, m, where nothing tells contacts.
_SLOWEST = 0.03
#: A floor tells a size if the camera is at least so far above it, m.
_LOWEST = 0.5
#: Share of the frames in which a foot is at least as low as where it stands; the unevenness of floors, and of poses on
#: them, m; the standard deviation of a vertical of which nothing is told, degrees.
_STANDS, _UNEVEN, _LEVEL_SD = 0.1, 0.05, 2.0
#: Least standard deviation of the logarithm, and factor on that of the fit: with told contacts, and without (on 48
#: simulated cases with sizes of 1.2 to 1.95 m the errors over the result are 1.1 and 1.0).
_TOLD, _GUESSED = (0.10, 1.5), (0.14, 2.0)


def person_scale(
    first: CameraFrameBody, observations: Observations, camera: CameraTrajectory, fps: float, body: Body
) -> tuple[float, float] | None:
    """Size of the person over the mean shape's, and its standard deviation; None if the clip does not tell it.

    With the mean shape a person of size k stands 1 / k too far away and its feet move 1 / k too far in the camera's
    frame, so ``R^T foot`` moves by ``-1 / k`` times the camera. That factor is the slope of a robust regression on the
    camera's displacements, which hardly err, so that errors of the feet do not bias it.
    """
    feet = (body.joints(of_mean_shape(first, body))[0, :, FEET] @ camera.R.float().cpu()).double()
    place = camera.position.double().cpu()
    gap = max(1, round(_GAP * fps))
    if len(feet) <= gap:
        return None
    moved, travelled = feet[gap:] - feet[:-gap], (place[gap:] - place[:-gap]).unsqueeze(1)
    valid = observations.valid.cpu()
    trust = (valid[gap:] & valid[:-gap]).double().unsqueeze(1).expand(moved.shape[:2])
    told = first.evidence is not None
    if first.evidence is not None:
        contact = first.evidence.contact.double().cpu()
        trust = trust * torch.minimum(contact[gap:], contact[:-gap])
    slope, variance = _slope(moved, travelled, trust, told)
    floor, factor = _TOLD if told else _GUESSED
    if not (0.3 < slope < 3.0 and variance == variance):
        return None
    return 1 / slope, (factor**2 * variance / slope**2 + floor**2) ** 0.5 / slope


def floor_scale(
    first: CameraFrameBody, observations: Observations, camera: CameraTrajectory, body: Body
) -> tuple[float, float] | None:
    """Size of the person over the mean shape's at which the feet stand on the floor ``y = 0`` of a level world, and its
    standard deviation; None if the camera is too low for it, or the person is never seen.

    A person of size k is k times as far away, so the feet are k times as far below the camera. The vertical of that
    world errs (``camera.facts["vertical_sd"]``, degrees), floors are uneven, and feet are lifted.
    """
    valid = observations.valid.cpu()
    R, high = camera.R.float().cpu(), float(camera.position[:, 1].median())
    if high < _LOWEST or not bool(valid.any()):
        return None
    feet = (body.joints(of_mean_shape(first, body))[0, :, FEET] @ R)[valid].double()
    below = -feet[..., 1].amin(1)
    standing = float(below.quantile(1 - _STANDS))
    if standing < _LOWEST / 2:
        return None
    away = float(feet[..., ::2].norm(dim=-1).median())
    tilt = math.radians(float(camera.facts.get("vertical_sd") or _LEVEL_SD))
    scale = high / standing
    return scale, scale * math.hypot(tilt * away, _UNEVEN) / standing


def _slope(moved: Tensor, travelled: Tensor, trust: Tensor, told: bool) -> tuple[float, float]:
    """Slope of ``moved = -slope travelled`` and its variance."""
    slope, variance = torch.tensor(1.0, dtype=torch.float64), torch.tensor(torch.nan)
    for width in _WIDTHS:
        error = (moved + slope * travelled).norm(dim=-1)
        stands = trust if told else trust * (-error / _SLOWEST).softmax(-1)
        weight = stands * (1 + (error / width).square()) ** -2
        known = (weight * travelled.square().sum(-1)).sum()
        slope = -(weight * (moved * travelled).sum(-1)).sum() / known
        left = (weight * (moved + slope * travelled).square().sum(-1) / 3).sum() / weight.sum()
        variance = left / known
    return float(slope), float(variance)
