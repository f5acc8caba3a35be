"""Prepare a result for export: the motion after all options, its skeleton, camera and mesh."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from diffopt_core.data.contact import runs
from diffopt_core.data.contact import standing as contact
from diffopt_core.data.rotation import slerp, yaw_to_matrix
from diffopt_core.data.skeleton import FEET, JOINTS
from diffopt_core.errors import MissingResource
from diffopt_core.parts.assumed import as_data, marked
from diffopt_core.parts.exporters import frame_marks
from diffopt_core.results.saved import Figure, Surface, body_surface, drawn_surface, figure_of, posed
from diffopt_core.types import CameraTrajectory, Result, map_tensors
from torch import Tensor

from .configs import MotionOptions
from .feet import set_feet, standing_feet


@dataclass(frozen=True)
class Grid:
    """Resampling grid: each new frame lies between the old frames ``before`` and ``after``, with weight ``share``."""

    before: Tensor
    after: Tensor
    share: Tensor

    @classmethod
    def between(cls, frames: int, source: float, target: float) -> Grid:
        """New frames at ``k / target`` seconds, as many as fit in the old clip."""
        count = math.floor((frames - 1) * target / source + 1e-6) + 1
        at = torch.arange(count, dtype=torch.float64) * (source / target)
        # an existing frame is copied exactly, despite rounding in the division
        at = torch.where((at - at.round()).abs() < 1e-6, at.round(), at).clamp_max(frames - 1)
        before = at.floor().long()
        return cls(before, (before + 1).clamp_max(frames - 1), at - before)

    def lines(self, values: Tensor) -> Tensor:
        """(T, ...) to (N, ...), linear interpolation."""
        share = self.share.to(values).reshape(-1, *[1] * (values.dim() - 1))
        return torch.lerp(values[self.before], values[self.after], share)

    def rotations(self, values: Tensor) -> Tensor:
        """(T, ..., 3, 3) to (N, ..., 3, 3), along shortest arcs."""
        first, second = values[self.before], values[self.after]
        share = self.share.to(values).reshape(-1, *[1] * (values.dim() - 3)).expand(first.shape[:-2])
        moved = slerp(first, second, share)
        kept = (share == 0)[..., None, None]
        return torch.where(kept, first, moved)

    def nearest(self, values: Tensor) -> Tensor:
        """(T, ...) to (N, ...), nearest frame, for labels."""
        return values[torch.where(self.share < 0.5, self.before, self.after)]

    def camera(self, camera: CameraTrajectory) -> CameraTrajectory:
        """Interpolates the camera centre linearly, not ``t``."""
        R, centre = self.rotations(camera.R), self.lines(camera.position)
        return replace(
            camera,
            R=R,
            t=-(R @ centre.unsqueeze(-1)).squeeze(-1),
            focal=self.lines(camera.focal),
            centre=self.lines(camera.centre),
        )


@dataclass(frozen=True)
class Start:
    """``x_new = R (x - at)``; ``R`` (3, 3), ``at`` (3,) m with y = 0."""

    R: Tensor
    at: Tensor

    @classmethod
    def of(cls, pose: Tensor, trans: Tensor) -> Start:
        """From the first frame: its pelvis moves over the origin, its front faces +z."""
        root = pose[0, 0]
        forward = torch.linalg.cross(root[:, 0], root.new_tensor([0.0, 1.0, 0.0]))
        if forward.norm() < 0.2:  # lying on a side: the left-right axis is vertical and gives no heading
            forward = root[:, 2]
        angle = torch.atan2(forward[0], forward[2])
        return cls(yaw_to_matrix(-angle), trans[0] * trans.new_tensor([1.0, 0.0, 1.0]))

    def motion(self, pose: Tensor, trans: Tensor) -> tuple[Tensor, Tensor]:
        root = self.R @ pose[:, :1]
        return torch.cat([root, pose[:, 1:]], dim=1), (trans - self.at) @ self.R.mT

    def camera(self, camera: CameraTrajectory) -> CameraTrajectory:
        """``x_cam = R_c x + t = (R_c R^T) x_new + (t + R_c at)``."""
        R, at = self.R.to(camera.R), self.at.to(camera.t)
        return replace(camera, R=camera.R @ R.mT, t=camera.t + camera.R @ at)

    def describe(self) -> dict[str, list[float] | float]:
        """The values needed to undo it."""
        degrees = float(torch.rad2deg(torch.atan2(self.R[0, 2], self.R[0, 0])))
        return {"turned_about_y_deg": round(degrees, 6), "from_m": [round(float(v), 6) for v in self.at]}


@dataclass(frozen=True)
class Performance:
    """float64, one clip. ``pose`` (T, 24, 3, 3), ``trans`` (T, 3) pelvis, ``joints`` (T, 24, 3), world, Y up, m.
    ``camera`` is None for a motion without images. ``marks``: per-frame flags as in motion.npz
    (:func:`diffopt_core.parts.exporters.frame_marks`). ``assumed``: assumptions of the run. ``facts``: applied options,
    plain data."""

    name: str
    fps: float
    pose: Tensor
    trans: Tensor
    joints: Tensor
    figure: Figure
    camera: CameraTrajectory | None
    size: tuple[int, int]
    body_model: str
    betas_of: str
    given_betas: Tensor
    marks: dict[str, Tensor]
    assumed: list[dict[str, Any]]
    scale: str
    facts: dict[str, Any]

    @property
    def num_frames(self) -> int:
        return len(self.pose)

    def honesty(self) -> dict[str, Any]:
        """Plain data: origin of the scale, assumptions of the run, and per-frame flags."""
        return {"scale": self.scale, "assumed": self.assumed, "of_frames": _of_frames(self.marks)}

    def surface(self, mesh: str) -> Surface:
        """``body``: the body model's mesh; ``bones``, or if the body has no mesh: a simple mesh around its skeleton.
        Raises MissingResource for a mesh that needs a file.
        """
        if mesh == "body" and self.figure.mesh is not None:
            return body_surface(self.figure.mesh, self.figure.betas)
        if mesh == "body" and self.figure.missing is not None:
            raise MissingResource(f"{self.name}: {self.figure.missing}; or use bones instead (--set FORMAT.mesh=bones)")
        return drawn_surface(self.figure.rest)


def _of_frames(marks: dict[str, Tensor]) -> dict[str, Any]:
    """Per-frame data: flags as the first and last frame of every span in which they are true, bands in mm."""
    told: dict[str, Any] = {}
    for key, values in marks.items():
        if values.dtype == torch.bool:
            rows = (
                {key: values}
                if values.dim() == 1
                else dict(zip((JOINTS[foot] for foot in FEET), values.mT, strict=True))
            )
            spans = {name: [[first, last - 1] for first, last in runs(row.numpy())] for name, row in rows.items()}
            told[key] = spans[key] if values.dim() == 1 else spans
        else:
            told[f"{key}_mm"] = (values.double() * 1e3).round(decimals=1).tolist()
    return told


def perform(result: Result, options: MotionOptions) -> Performance:
    """Apply the options: frames, start, frame rate, feet (at the higher of both rates).

    Raises BadInput for a result that is not finite, DiffOptError if its joints do not match its rotations.
    """
    figure = figure_of(result)
    pose, trans, joints = result.motion.pose.double(), result.motion.trans.double(), result.joints.double()
    camera = None
    if min(result.clip.size) > 0:
        camera = map_tensors(result.camera, lambda tensor: tensor.double())
    fps, facts, marks = float(result.clip.fps), dict[str, Any](), frame_marks(result)
    if options.unseen == "trim" and "valid" in marks and not bool(marks["valid"][[0, -1]].all()):
        seen = marks["valid"].nonzero().flatten().tolist()
        span = slice(seen[0], seen[-1] + 1)
        pose, trans, joints = pose[span], trans[span], joints[span]
        camera = map_tensors(camera, lambda tensor: tensor[span]) if camera else None
        marks = {key: each[span] for key, each in marks.items()}
        facts["trimmed"] = {"first_frame": seen[0], "last_frame": seen[-1], "of": len(result.joints)}
    if options.origin:
        start = Start.of(pose, trans)
        pose, trans = start.motion(pose, trans)
        camera = start.camera(camera) if camera else None
        facts["origin"] = start.describe()
    # contacts are detected at the frame rate of the result, not of the file
    standing = None
    if options.feet != "never":
        standing = standing_feet(options.feet, posed(pose, trans, figure.rest), fps)
    if standing is not None and (options.fps is None or options.fps <= fps):
        pose, trans, facts["feet"] = set_feet(options.feet, pose, trans, figure, standing, fps)
        standing = None
    if options.fps is not None and options.fps != fps:
        grid = Grid.between(len(pose), fps, options.fps)
        facts["resampled_from_fps"] = round(fps, 6)
        pose, trans, fps = grid.rotations(pose), grid.lines(trans), options.fps
        camera = grid.camera(camera) if camera else None
        marks = {
            key: grid.lines(each) if each.is_floating_point() else grid.nearest(each) for key, each in marks.items()
        }
        if standing is not None:  # upsampling: frames between two locked ones are locked as well
            pose, trans, facts["feet"] = set_feet(options.feet, pose, trans, figure, grid.nearest(standing), fps)
    if facts:
        joints = posed(pose, trans, figure.rest)
    if "feet" in facts and "contact" in marks:
        marks["contact"] = contact(joints, fps)
    return Performance(
        result.clip.name, fps, pose, trans, joints, figure, camera, result.clip.size, result.body_model,
        result.motion.betas_of, result.motion.betas.reshape(-1)[:10], marks, as_data(result), marked("m", result),
        facts,
    )  # fmt: skip
