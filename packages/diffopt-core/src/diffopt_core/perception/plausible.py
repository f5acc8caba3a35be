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

from ..data.skeleton import JOINT
from ..data.window import Evidence
from ..errors import BadInput
from ..types import CameraFrameBody, CameraTrajectory, Clip, Observations
from . import timing
from .agreement import CONFIDENT, DOUBTFUL, FINE, FOCAL, WRONG, Shared, explain, joints_in_camera, shared
from .readings import other_readings

log = logging.getLogger(__name__)
#: Largest and smallest plausible distance of the person from the camera, m.
_FARTHEST, _NEAREST = 300.0, 0.05
#: Statures of a rest skeleton, pelvis to head and to the feet together, m.
_STATURE = (0.3, 3.0)
#: Frame rates of videos; focal lengths as a share of the image's longer side; betas in standard deviations above which
#: they are doubtful, and impossible.
_FPS, _FOCAL, _BETAS = (1.0, 1000.0), (0.1, 100.0), (15.0, 100.0)
#: Plausible principal points as a share of the image; smallest plausible share of keypoints inside the image, and of
#: frames in which the person is visible.
_CENTRE, _INSIDE, _SEEN = (0.15, 0.85), 0.5, 0.2
#: A jump of the camera: a step of so many times the 90 % quantile, and of this share of the path's extent.
_JUMP, _COVERS = 10.0, 0.3
#: Largest plausible turning speed of the root, rad/s (a somersault: 12), speed of the person and of the camera, m/s.
_TURN, _RUN, _FLY = 35.0, 15.0, 60.0
#: Angle between trunk and the image's up direction above which the vertical from the trunk is unreliable, rad.
_LYING = 1.05
#: Standard deviation up to which lines or a network tell the vertical well, rad; sine of the camera's pitch from which
#: on it looks straight down.
_TOLD, _BELOW = 0.14, 0.85
#: Sum of logarithms of three variances by which a network is surer of exchanged sides that are doubted (of 144
#: simulated clips at most 0.68 as they are; exchanged, six of ten are above).
_SURER = 0.8
#: Share of the frames in which a person hangs head down in the image whose picture is upside down.
_HEAD_DOWN = 0.8
#: How far people lean, rad: lines farther from the trunk may be level ones of a turned image.
_LEANS = 0.6


def judge(evidence: Evidence, rest: Tensor) -> Evidence:
    """The evidence with its doubts added to ``clip.doubts``; new ones are logged. ``rest``: skeleton of the initial
    poses, ``[24 3]``, m.

    Raises BadInput, naming the key and the likely mistake, for impossible evidence.
    """
    where = evidence.clip.path or evidence.clip.name
    for key, problem in _impossible(evidence, rest):
        raise BadInput(where, key, problem)
    joints = joints_in_camera(evidence, rest)
    found = (*_together(evidence, joints), *timing.swing(evidence, joints), *_frame(evidence), *_moves(evidence))
    found = (*found, *_vertical(evidence, joints), *other_readings(evidence, joints), *_sides(evidence))
    had = {_kind(doubt) for doubt in evidence.clip.doubts}
    new = tuple(doubt for doubt in found if _kind(doubt) not in had)
    for doubt in new:
        log.warning("%s: %s; the result is marked as not trusted", evidence.clip.name, doubt)
    return replace(evidence, clip=replace(evidence.clip, doubts=(*evidence.clip.doubts, *new))) if new else evidence


def _kind(doubt: str) -> str:
    """What a doubt begins with, without its numbers."""
    return " ".join([word for word in doubt.split() if not any(c.isdigit() for c in word)][:4])


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
    if float(body.betas.abs().max()) > _BETAS[1]:
        yield "init_betas", f"up to {float(body.betas.abs().max()):.3g} standard deviations"


def _unit(value: float, low: float, high: float) -> str:
    """The likely unit of a value that should be in metres, as text."""
    units = {"millimetres": 1e3, "centimetres": 1e2, "kilometres": 1e-3}
    return next((f": in {name}, not in metres?" for name, per in units.items() if low <= value / per <= high), "")


def _together(evidence: Evidence, joints: Tensor) -> Iterator[str]:
    """Check that initial poses and keypoints both move, belong to one person, and run at one rate."""
    if (points := shared(evidence, joints)) is None:
        return
    doubts = tuple(timing.still(points)) or tuple(_apart(evidence, points))
    yield from doubts or timing.out_of_step(points)


def _apart(evidence: Evidence, points: Shared) -> Iterator[str]:
    """First poses against keypoints. Raises BadInput where they cannot be of one person."""
    off = points.off(points.first)
    why = explain(points, off) if off > FINE else None
    if off <= DOUBTFUL and why is None:
        return
    px = f"{off * points.size:.0f} px" if np.isfinite(off) else "nowhere near"
    said = (
        f"the initial poses, projected by the camera, are {px} from the keypoints, for a person of {points.size:.0f} px"
    )
    said += f"; {why}" if why else ""
    if off > (DOUBTFUL if why and not why.startswith(FOCAL) else WRONG):
        where = evidence.clip.path or evidence.clip.name
        raise BadInput(where, "keypoints", said + ("" if why else "; do both belong to this video, person and camera?"))
    yield said


def _frame(evidence: Evidence) -> Iterator[str]:
    """What lies outside of the image, or is hardly there."""
    clip, seen, centre = evidence.clip, evidence.observations, evidence.camera.centre
    size, whole = torch.tensor(clip.size).to(centre), f"{clip.size[0]} x {clip.size[1]}"
    middle = (centre / size).median(0).values
    if bool(((middle < _CENTRE[0]) | (middle > _CENTRE[1])).any()):
        x, y = (middle * size).tolist()
        yield f"the principal point ({x:.0f}, {y:.0f}) is far from the middle of {whole}: cropped?"
    points = seen.keypoints[seen.keypoints[..., 2] > CONFIDENT][:, :2]
    inside = ((points >= 0) & (points <= size)).all(-1).float()
    if len(inside) and float(inside.mean()) < _INSIDE:
        share = 1 - float(inside.mean())
        yield f"{share:.0%} of the keypoints lie outside of {whole}: of an image of another size?"
    there = float(seen.valid.float().mean())
    if there < _SEEN:
        yield f"the person is seen in {int(seen.valid.sum())} of {len(seen.valid)} frames; the others are bridged"
    if (most := float(evidence.body.betas.abs().max())) > _BETAS[0]:
        yield f"the body's shape is {most:.0f} standard deviations off: betas of another model or scale?"


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
    path = camera.position.diff(dim=0).norm(dim=-1)
    if camera.travel == "travels" and len(path) > 10:
        extent = float((camera.position.amax(0) - camera.position.amin(0)).norm())
        if float(path.max()) > max(_JUMP * float(path.quantile(0.9)), _COVERS * extent):
            yield f"the camera jumps at frame {int(path.argmax()) + 1}: a cut, or lost there?"
    if camera.metric:
        flight = path * clip.fps
        if float(flight.median()) > _FLY:
            unit = _unit(float(flight.median()), 0.05, 10)
            yield f"the camera, stated to be in metres, moves at {float(flight.median()):.0f} m/s{unit}"


def _sides(evidence: Evidence) -> Iterator[str]:
    """Left and right, where nothing but a network tells them: it is surer of a body that is put together right."""
    if float(evidence.body.facts.get("surer_if_exchanged", 0.0)) > _SURER:
        yield "left and right of the keypoints seem exchanged throughout: the body would be clearer the other way"


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
    if float((up[:, 1] > 0.5).float().mean()) > _HEAD_DOWN:
        yield (
            "the person is upside down in the picture: a handstand, or a camera that hung upside down? Then turn the "
            "video first (ffmpeg -i IN -vf hflip,vflip OUT)"
        )
        return
    image = torch.tensor([0.0, -1.0, 0.0]).to(up)
    mean = torch.nn.functional.normalize(up.median(0).values, dim=-1)
    for said, by_lines in ((evidence.body.evidence, False), (camera, True)):
        if said is None or said.up is None or said.up_var is None or float((1 / said.up_var).mean()) < _TOLD**-2:
            continue
        told = torch.nn.functional.normalize((said.up / said.up_var[..., None])[valid].mean(0), dim=-1)
        if float(-told[2]) > _BELOW:
            down = float(told[2].clamp(-1, 1).arcsin().abs()) * 57.3
            yield f"the camera looks down by {down:.0f} degrees: from above, left, right and the depth are guessed"
        image = told  # what the trunk is compared with
        if not by_lines or float(told @ mean) > np.cos(_LEANS):
            return
    tilt = float((mean @ image).clamp(-1, 1).arccos())
    if tilt > _LYING:
        yield (
            f"the trunk lies {tilt * 57.3:.0f} degrees from what seems up: lying, upside down, seen from above, or a "
            "turned image; nothing else tells which"
        )
