"""Cameras read another way: inverted, in other axes or units. The better reading is the one by which feet stand."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..data.geometry import camera_to_world
from ..data.skeleton import FEET
from ..data.window import Evidence
from ..types import CameraFrameBody

#: Frames over which feet are averaged, and how much less they move by cameras that are the right ones: measured on
#: honest cameras, 1.06 for inverted and reversed ones, 0.99 in other axes, 1.1 in other units.
_SMOOTH, _LESS, _LESS_ELSE, _UNIT = 5, 1.12, 1.3, 1.6


def other_readings(evidence: Evidence, joints: Tensor) -> Iterator[str]:
    """Detect inverted cameras, and those in other axes or units: under the other reading, feet in contact move less and
    the body turns no more."""
    camera, valid = evidence.camera, evidence.observations.valid
    if camera.travel != "travels" or int(valid.sum()) < 4 * _SMOOTH:
        return
    feet, turn = _unrest(evidence.body, joints, camera.R, camera.t, camera.metric)
    best = (feet, "")
    for words, (R, t, less) in _readings(camera.R, camera.t, camera.position).items():
        found, turned = _unrest(evidence.body, joints, R, t, camera.metric)
        if feet > less * found + 0.001 and turn > 0.995 * turned:
            best = min(best, (found, words))
    if camera.metric:
        for scale in (0.001, 0.01, 0.1, 0.3048, 3.28, 10.0, 100.0, 1000.0):
            found = _unrest(evidence.body, joints, camera.R, camera.t * scale, True)[0]
            if feet > _UNIT * found:
                best = min(best, (found, f"at {scale:g} times their metres: another unit?"))
    if best[1]:
        found, words = best[0] * 1e3, best[1]
        yield f"feet in contact move by {feet * 1e3:.0f} mm per frame, and by {found:.0f} mm with the cameras {words}"


def _readings(R: Tensor, t: Tensor, position: Tensor) -> dict[str, tuple[Tensor, Tensor, float]]:
    """Other readings of cameras, by words; and how much less feet must move for one to be likely."""
    flip = torch.diag(torch.tensor([1.0, -1.0, -1.0])).to(R)
    return {
        "inverted: camera-to-world, where world-to-camera is meant?": (R.mT, position, _LESS),
        "in the other direction of time": (R.flip(0), t.flip(0), _LESS),
        "in OpenGL's axes (y up, z back)?": (flip @ R, t @ flip, _LESS_ELSE),
        "inverted and in OpenGL's axes (y up, z back)?": (flip @ R.mT, position @ flip, _LESS_ELSE),
        "if cam_t are their centres": (R, -(R @ t.unsqueeze(-1)).squeeze(-1), _LESS_ELSE),
        "if their rotations alone are inverted": (R.mT, t, _LESS_ELSE),
    }


def _unrest(body: CameraFrameBody, joints: Tensor, R: Tensor, t: Tensor, metric: bool) -> tuple[float, float]:
    """Mean step of the foot that moves least, m, at the best scale of some; mean turn of the root, rad."""
    feet, steps = joints[:, list(FEET)], []
    for scale in (1.0,) if metric else (0.25, 0.5, 1.0, 2.0, 4.0):
        path = camera_to_world(feet, R, t * scale).unfold(0, _SMOOTH, 1).mean(-1)
        steps.append(float(path.diff(dim=0).norm(dim=-1).min(-1).values.mean()))
    root = R.mT @ body.global_orient
    cosine = ((root[_SMOOTH:] * root[:-_SMOOTH]).sum((-1, -2)) - 1) / 2
    return min(steps), float(cosine.clamp(-1, 1).arccos().mean())
