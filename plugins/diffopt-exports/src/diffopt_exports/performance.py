"""From a result to what is written: the motion after all options, its skeleton, its camera, its mesh.

Always in the world's own axes and metres; a format turns and scales as it writes (:mod:`.orient`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from diffopt_core.errors import DiffOptError, MissingResource
from diffopt_core.saved import Figure, Surface, body_surface, drawn_surface, figure_of, posed
from diffopt_core.types import CameraTrajectory, Result, map_tensors
from torch import Tensor

from .feet import set_feet, standing_feet
from .options import MotionOptions
from .origin import Start
from .resample import Grid


@dataclass(frozen=True)
class Performance:
    """float64, one clip. ``pose`` (T, 24, 3, 3), ``trans`` (T, 3) pelvis, ``joints`` (T, 24, 3), world, Y up, m.
    ``camera`` is None for a motion that no images belong to. ``facts``: what was done, plain data."""

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
    facts: dict[str, Any]

    @property
    def num_frames(self) -> int:
        return len(self.pose)

    def surface(self) -> Surface:
        """The body's mesh, or bones drawn round its skeleton. Raises MissingResource for a mesh that needs a file."""
        if self.figure.mesh is not None:
            return body_surface(self.figure.mesh, self.figure.betas)
        if self.figure.missing is not None:
            raise MissingResource(
                f"{self.name}: {self.figure.missing}; or draw bones instead (--set FORMAT.mesh=bones)"
            )
        return self.bones()

    def bones(self) -> Surface:
        return drawn_surface(self.figure.rest)


def perform(result: Result, options: MotionOptions) -> Performance:
    """Apply the options: start, frame rate, feet (at the higher of both rates).

    Raises DiffOptError for a result that is not finite or whose joints do not follow from its rotations.
    """
    _check(result)
    figure = figure_of(result)
    pose, trans, joints = result.motion.pose.double(), result.motion.trans.double(), result.joints.double()
    camera = None
    if min(result.clip.size) > 0:
        camera = map_tensors(result.camera, lambda tensor: tensor.double())
    fps, facts = float(result.clip.fps), dict[str, Any]()
    if options.origin:
        start = Start.of(pose, trans)
        pose, trans = start.motion(pose, trans)
        camera = start.camera(camera) if camera else None
        facts["origin"] = start.describe()
    # a foot is seen to stand at the rate of the result, whatever the rate of the file
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
        if standing is not None:  # more frames than there were: what lies between two held ones is held as well
            pose, trans, facts["feet"] = set_feet(options.feet, pose, trans, figure, grid.nearest(standing), fps)
    if facts:
        joints = posed(pose, trans, figure.rest)
    return Performance(
        result.clip.name, fps, pose, trans, joints, figure, camera, result.clip.size, result.body_model,
        result.motion.betas_of, result.motion.betas.reshape(-1)[:10], facts,
    )  # fmt: skip


def _check(result: Result) -> None:
    parts = {"pose": result.motion.pose, "trans": result.motion.trans, "joints": result.joints}
    for name, value in parts.items():
        if not torch.isfinite(value).all():
            raise DiffOptError(
                f"{result.clip.path or result.clip.name}: {name}: is not finite; there is nothing to export"
            )
    if not result.clip.fps > 0 or len(result.motion.pose) == 0:
        raise DiffOptError(f"{result.clip.path or result.clip.name}: has no frames, or no frame rate")
