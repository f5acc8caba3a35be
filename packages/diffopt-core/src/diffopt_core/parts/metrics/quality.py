"""Quality of a result without truth: speed, path length, foot skate, reprojection error."""

from __future__ import annotations

import torch
from torch import Tensor

from ...data.geometry import project, world_to_camera
from ...data.skeleton import FEET, JOINT, LAYOUTS
from ...types import CameraTrajectory, Clip, Result

#: A foot is in contact while it is this close to its lowest height, m.
STANDING = 0.05
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


def _measure(joints: Tensor, camera: CameraTrajectory, clip: Clip, fps: float) -> dict[str, float | None]:
    joints = joints.double()
    path = float(_horizontal(joints[:, JOINT["pelvis"]]).sum())
    return {
        "speed": path * fps / max(len(joints) - 1, 1),
        "path": path,
        "foot skate": foot_skate(joints),
        "reprojection": reprojection(joints, camera, clip),
    }


def _horizontal(points: Tensor) -> Tensor:
    """Length of each step in the ground plane, m."""
    return points.diff(dim=0)[..., [0, 2]].norm(dim=-1)


def foot_skate(joints: Tensor) -> float | None:
    """Foot skate: mean horizontal motion (mm per frame) of a foot joint in contact; None if no foot ever is.

    It is in contact in two successive frames within ``STANDING`` of the 5 % quantile of its height.
    """
    feet = joints[:, FEET[2:]]  # the balls
    height = feet[..., 1]
    low = height < height.quantile(0.05, dim=0) + STANDING
    standing = low[1:] & low[:-1]
    return float(_horizontal(feet)[standing].mean() * 1000) if bool(standing.any()) else None


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
        return f"ends at {speed:.0f} m/s"
    height = float(feet.quantile(0.05))
    if abs(height) > _FLOOR:
        return f"ends with the feet {abs(height):.2f} m {'over' if height > 0 else 'under'} the floor at their lowest"
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
