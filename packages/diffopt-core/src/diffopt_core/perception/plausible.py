"""Plausibility checks of the evidence: units, frame rates, camera direction, axes, contradictions between parts.

Shapes, types and finite values are checked by :mod:`diffopt_core.host.contract`. Impossible evidence is refused with
the likely mistake; implausible evidence is logged, and the result is marked as not trusted.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..data.geometry import camera_to_world
from ..data.skeleton import FEET, JOINT
from ..data.window import Evidence
from ..errors import BadInput
from ..types import CameraFrameBody, CameraTrajectory, Clip, Observations
from .agreement import DOUBTFUL, FINE, WRONG, explain, joints_in_camera, shared

log = logging.getLogger(__name__)
#: Largest and smallest plausible distance of the person from the camera, m.
_FARTHEST, _NEAREST = 300.0, 0.05
#: Statures of a rest skeleton, pelvis to head and to the feet together, m.
_STATURE = (0.3, 3.0)
#: Frame rates of videos; focal lengths as a share of the image's longer side; betas in standard deviations.
_FPS, _FOCAL, _BETAS = (1.0, 1000.0), (0.1, 100.0), 100.0
#: Largest plausible turning speed of the root, rad/s (a somersault: 12), speed of the person and of the camera, m/s.
_TURN, _RUN, _FLY = 35.0, 15.0, 60.0
#: Frames over which feet are averaged, and the ratio of foot motion as given to foot motion with inverted cameras above
#: which the cameras count as inverted (measured: correct cameras below 1.0, inverted ones above 1.2).
_SMOOTH, _LESS = 5, 1.12
#: Angle between trunk and the image's up direction above which the vertical from the trunk is unreliable, rad.
_LYING = 1.05


def judge(evidence: Evidence, rest: Tensor) -> Evidence:
    """The evidence with its doubts added to ``clip.doubts``; new ones are logged. ``rest``: skeleton of the initial
    poses, ``[24 3]``, m.

    Raises BadInput, naming the key and the likely mistake, for impossible evidence.
    """
    where = evidence.clip.path or evidence.clip.name
    for key, problem in _impossible(evidence, rest):
        raise BadInput(where, key, problem)
    joints = joints_in_camera(evidence, rest)
    found = (*_apart(evidence, joints), *_moves(evidence), *_vertical(evidence, joints), *_direction(evidence, joints))
    had = {_kind(doubt) for doubt in evidence.clip.doubts}
    new = tuple(doubt for doubt in found if _kind(doubt) not in had)
    for doubt in new:
        log.warning("%s: %s; the result is marked as not trusted", evidence.clip.name, doubt)
    return replace(evidence, clip=replace(evidence.clip, doubts=(*evidence.clip.doubts, *new))) if new else evidence


def _kind(doubt: str) -> str:
    """A doubt without its numbers."""
    return "".join(c for c in doubt if not c.isdigit() and c not in ".,")


def _impossible(evidence: Evidence, rest: Tensor) -> Iterator[tuple[str, str]]:
    clip, camera, body, seen = evidence.clip, evidence.camera, evidence.body, evidence.observations
    yield from _of_clip(clip, rest)
    yield from _of_points(clip, seen)
    yield from _of_camera(clip, camera)
    yield from _of_body(body, seen)


def _of_clip(clip: Clip, rest: Tensor) -> Iterator[tuple[str, str]]:
    if not _FPS[0] <= clip.fps <= _FPS[1]:
        yield "fps", f"{clip.fps:g} frames per second"
    tall = float(rest[:, 1].max() - rest[:, 1].min())
    if not _STATURE[0] <= tall <= _STATURE[1]:
        yield "rest_joints", f"a skeleton of {tall:g} m{_unit(tall, *_STATURE)}"


def _of_points(clip: Clip, seen: Observations) -> Iterator[tuple[str, str]]:
    points = seen.keypoints[seen.keypoints[..., 2] > 0][:, :2]
    if len(points) and max(clip.size) > 8 and float(points.abs().max()) <= 2.0:
        yield "keypoints", "all points lie within 2 px of the corner: in 0..1 of the image, not in px?"
    if len(points) and float(points.abs().max()) > 1e5:
        yield "keypoints", f"points at {float(points.abs().max()):.3g} px"


def _of_camera(clip: Clip, camera: CameraTrajectory) -> Iterator[tuple[str, str]]:
    side = max(clip.size)
    share = float(camera.focal.min()) / side, float(camera.focal.max()) / side
    if share[0] < _FOCAL[0] or share[1] > _FOCAL[1]:
        yield (
            "focal",
            f"{share[0] * side:.4g} to {share[1] * side:.4g} px for an image of {clip.size[0]} x {clip.size[1]}",
        )
    if float(camera.centre.abs().max()) > 20 * side:
        yield "centre", f"a principal point at {float(camera.centre.abs().max()):.4g} px"
    if float(camera.t.abs().max()) > 1e7:
        yield "cam_t", f"cameras {float(camera.t.abs().max()):.3g} from their world's origin"


def _of_body(body: CameraFrameBody, seen: Observations) -> Iterator[tuple[str, str]]:
    depth = body.transl[seen.valid].norm(dim=-1)
    far = float(depth.median())
    if not _NEAREST <= far <= _FARTHEST:
        yield "init_transl", f"the person is {far:.4g} m from the camera{_unit(far, 0.5, 60)}"
    elif float(depth.max()) > 1e4:
        frame = int(body.transl.norm(dim=-1).argmax())
        yield "init_transl", f"the person is {float(depth.max()):.3g} m from the camera in frame {frame}"
    if float(body.betas.abs().max()) > _BETAS:
        yield "init_betas", f"up to {float(body.betas.abs().max()):.3g} standard deviations"


def _unit(value: float, low: float, high: float) -> str:
    """The likely unit of a value that should be in metres, as text."""
    units = {"millimetres": 1e3, "centimetres": 1e2, "kilometres": 1e-3}
    return next((f": in {name}, not in metres?" for name, per in units.items() if low <= value / per <= high), "")


def _apart(evidence: Evidence, joints: Tensor) -> Iterator[str]:
    """Compare initial poses with keypoints. Raises BadInput if they cannot belong to the same person."""
    points = shared(evidence, joints)
    if points is None:
        return
    off = points.off(points.first)
    why = explain(points, off) if off > FINE else None
    if off <= DOUBTFUL and why is None:
        return
    px = f"{off * points.size:.0f} px" if np.isfinite(off) else "nowhere near"
    said = (
        f"the initial poses, projected by the camera, are {px} from the keypoints, for a person of {points.size:.0f} px"
    )
    said += f"; {why}" if why else ""
    if off > (DOUBTFUL if why else WRONG):
        where = evidence.clip.path or evidence.clip.name
        raise BadInput(where, "keypoints", said + ("" if why else "; do both belong to this video, person and camera?"))
    yield said


def _moves(evidence: Evidence) -> Iterator[str]:
    """Implausibly fast rotation or translation."""
    clip, camera, body, valid = evidence.clip, evidence.camera, evidence.body, evidence.observations.valid
    there = valid[1:] & valid[:-1]
    world = camera.R.mT @ body.global_orient
    cosine = ((world[1:] * world[:-1]).sum((-1, -2)) - 1) / 2
    turn = torch.where(there, cosine.clamp(-1, 1).arccos() * clip.fps, 0.0)
    if clip.fps >= 15 and bool((fast := (turn > _TURN) & (turn / clip.fps > 1.2)).any()):
        frames = (fast.nonzero().flatten() + 1).tolist()
        yield (
            f"the initial poses turn by up to {float(turn.max() / clip.fps) * 57.3:.0f} degrees in a frame "
            f"(frames {', '.join(map(str, frames[:8]))}{', ...' if frames[8:] else ''}): left and right swapped there?"
        )
    step = body.transl.diff(dim=0).norm(dim=-1) * clip.fps
    if bool(there.any()) and float(step[there].median()) > 2 * _RUN:
        yield (
            f"the person moves at {float(step[there].median()):.0f} "
            "m/s relative to the camera: is the frame rate right?"
        )
    if camera.metric:
        flight = camera.position.diff(dim=0).norm(dim=-1) * clip.fps
        if float(flight.median()) > _FLY:
            unit = _unit(float(flight.median()), 0.05, 10)
            yield f"the camera, stated to be in metres, moves at {float(flight.median()):.0f} m/s{unit}"


def _vertical(evidence: Evidence, joints: Tensor) -> Iterator[str]:
    """Compare the trunk with the up direction of the image or of a level world."""
    camera, valid = evidence.camera, evidence.observations.valid
    trunk = (joints[:, JOINT["neck"]] - joints[:, JOINT["pelvis"]])[valid]
    up = trunk / trunk.norm(dim=-1, keepdim=True).clamp(min=1e-9)
    if camera.level:
        inside = (camera.R[valid].mT @ up.unsqueeze(-1)).squeeze(-1).median(0).values
        if float(inside[1]) < -0.5:
            yield "the person is upside down in a world that is stated to be level: does its y axis point down?"
        elif float(inside[2].abs()) > 0.85:
            yield "the person is lying in a world that is stated to be level: is its vertical z?"
        return
    image = torch.tensor([0.0, -1.0, 0.0]).to(up)
    tilt = float((up.median(0).values @ image).clamp(-1, 1).arccos())
    if tilt > _LYING:
        yield (
            f"the trunk lies {tilt * 57.3:.0f} degrees from the image's up: lying, or a turned image; the vertical, "
            "which is taken from the trunk, may be off by as much"
        )


def _direction(evidence: Evidence, joints: Tensor) -> Iterator[str]:
    """Detect camera-to-world poses given as world-to-camera: with the inverse, feet move less and the body turns
    less."""
    camera, valid = evidence.camera, evidence.observations.valid
    if camera.travel != "travels" or int(valid.sum()) < 4 * _SMOOTH:
        return
    as_said = _unrest(evidence.body, joints, camera.R, camera.t, camera.metric)
    back = _unrest(evidence.body, joints, camera.R.mT, camera.position, camera.metric)
    if as_said[0] > _LESS * back[0] + 0.001 and as_said[1] > back[1]:
        yield (
            f"feet in contact move by {as_said[0] * 1e3:.0f} mm per "
            f"frame, and by {back[0] * 1e3:.0f} mm with the cameras "
            "inverted: camera-to-world, where world-to-camera is meant?"
        )


def _unrest(body: CameraFrameBody, joints: Tensor, R: Tensor, t: Tensor, metric: bool) -> tuple[float, float]:
    """Mean displacement of the foot that moves least, m, at the best of several scales; mean rotation of the root,
    rad."""
    feet, steps = joints[:, list(FEET)], []
    for scale in (1.0,) if metric else (0.25, 0.5, 1.0, 2.0, 4.0):
        path = camera_to_world(feet, R, t * scale).unfold(0, _SMOOTH, 1).mean(-1)
        steps.append(float(path.diff(dim=0).norm(dim=-1).min(-1).values.mean()))
    root = R.mT @ body.global_orient
    cosine = ((root[_SMOOTH:] * root[:-_SMOOTH]).sum((-1, -2)) - 1) / 2
    return min(steps), float(cosine.clamp(-1, 1).arccos().mean())
