"""Quality of a result without truth: speed, path length, foot skate, reprojection error."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ...data.contact import LEAST_RATE, skate, standing
from ...data.geometry import project, world_to_camera
from ...data.skeleton import FEET, JOINT, JOINTS, LAYOUTS
from ...types import CameraTrajectory, Clip, Result
from ..assumed import marked

#: Least confidence of keypoints in the reprojection error.
CONFIDENT = 0.3
#: A result is doubtful if its reprojection error exceeds this multiple of the initial one (a tenth is the noise of a
#: median) and the error of detectors, or if it exceeds the last value: shares of the person's size.
_WORSE, _FINE, _OFF = 1.1, 0.02, 0.1
#: Largest plausible speed of the person, m/s, and distance of the feet from the floor, m.
_RUN, _FLOOR = 15.0, 0.35

#: Row of the table -> unit. Bands exist only if a clip was solved several times.
_MEASURED = {"speed": "m/s", "path": "m", "foot skate": "mm/frame", "reprojection": "px"}
_BANDS = {"root band 90 %": "mm", "joint band 90 %": "mm"}
UNITS = _MEASURED | _BANDS


def quality(result: Result) -> dict[str, tuple[float | None, float | None]]:
    """Row -> value of the initial and of the final motion; None if the evidence is missing.

    A result of several draws also has the mean radii of its 90 % bands, mm.
    """
    fps = result.clip.fps
    first = _measure(result.initial_joints, result.initial_camera, result.clip, fps)
    last = _measure(result.joints, result.camera, result.clip, fps)
    rows = {name: (first[name], last[name]) for name in _MEASURED}
    if result.spread is None:
        return rows
    radii = (float(radius.mean()) * 1e3 for radius in (result.spread.root, result.spread.joints[:, 1:]))
    return rows | {name: (None, radius) for name, radius in zip(_BANDS, radii, strict=True)}


def nearest(values: Sequence[float], truth: float | None) -> frozenset[int]:
    """Which of several values of a row is to be marked: the nearest to the truth's own; none where that is not known or
    where fewer than two values are."""
    known = {n: abs(value - truth) for n, value in enumerate(values) if truth is not None and math.isfinite(value)}
    known = {n: apart for n, apart in known.items() if math.isfinite(apart)}
    return frozenset(n for n, apart in known.items() if len(known) > 1 and apart == min(known.values()))


def true_quality(clip: Clip) -> dict[str, float | None]:
    """The same rows of the clip's truth, where it has all joints that they look at; empty without a truth."""
    truth = clip.truth
    if truth is None or truth.index is not None or LAYOUTS.get(truth.layout) != JOINTS:
        return {}
    if not bool(truth.joints.isfinite().all()):
        return {}
    camera = truth.camera
    return _measure(truth.joints.cpu(), camera, clip, clip.fps)


def _measure(joints: Tensor, camera: CameraTrajectory | None, clip: Clip, fps: float) -> dict[str, float | None]:
    joints = joints.double()
    path = float(_horizontal(joints[:, JOINT["pelvis"]]).sum())
    return {
        "speed": path * fps / max(len(joints) - 1, 1),
        "path": path,
        "foot skate": skate(joints, standing(joints, fps)) if fps >= LEAST_RATE else None,
        "reprojection": None if camera is None else reprojection(joints, camera, clip),
    }


def _horizontal(points: Tensor) -> Tensor:
    """Length of each step in the ground plane, m."""
    return points.diff(dim=0)[..., [0, 2]].norm(dim=-1)


def reprojection(joints: Tensor, camera: CameraTrajectory, clip: Clip) -> float | None:
    """Median distance (px) of joints to the confident keypoints of the same name."""
    if clip.observations is None:
        return None
    names = LAYOUTS[clip.observations.layout]
    shared = [(i, JOINT[name]) for i, name in enumerate(names) if name in JOINT]
    seen = clip.observations.keypoints[:, [i for i, _ in shared]].double()
    in_camera = world_to_camera(joints[:, [j for _, j in shared]], camera.R.double(), camera.t.double())
    pixels = project(in_camera, camera.focal.double(), camera.centre.double())
    error = (pixels - seen[..., :2]).norm(dim=-1)[seen[..., 2] > CONFIDENT]
    error = error[torch.isfinite(error)]
    return float(error.median()) if len(error) else None


def misfit(result: Result) -> str | None:
    """Why a result is implausible or does not fit its keypoints, as text; None if it is fine."""
    joints = result.joints.double()
    pelvis, feet = joints[:, JOINT["pelvis"]], joints[:, FEET][..., 1].amin(1)
    speed = float(pelvis.diff(dim=0).norm(dim=-1).median()) * result.clip.fps
    if speed > _RUN:
        return f"ends at {speed:.0f} {marked('m/s', result)}"
    height = float(feet.quantile(0.05))
    if abs(height) > _FLOOR:
        side = "over" if height > 0 else "under"
        return f"ends with the feet {abs(height):.2f} {marked('m', result)} {side} the floor at their lowest"
    first, last = quality(result)["reprojection"]
    size = _person(result.clip)
    if first is None or last is None or size is None:
        return None
    if last > _OFF * size:
        return f"ends {last:.0f} px from the keypoints, {last / size:.0%} of the person ({size:.0f} px)"
    if last > max(_WORSE * first, _FINE * size):
        return f"ends further from the keypoints than it began: {first:.1f} px, then {last:.1f}"
    return None


def _person(clip: Clip) -> float | None:
    """Median over the frames of the longer side of the bounding box of the confident keypoints, px."""
    if clip.observations is None:
        return None
    keypoints = clip.observations.keypoints.double()
    dim = (keypoints[..., 2] <= CONFIDENT).unsqueeze(-1)
    seen = keypoints[..., :2]
    box = (seen.masked_fill(dim, -torch.inf).amax(1) - seen.masked_fill(dim, torch.inf).amin(1)).amax(-1)
    box = box[torch.isfinite(box) & (box > 0)]
    return float(box.median()) if len(box) else None
