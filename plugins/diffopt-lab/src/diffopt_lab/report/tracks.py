"""The moving parts of the player: the recovered body, its initial placement, other results and the ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from diffopt_core.data.geometry import forward_kinematics, transform
from diffopt_core.data.rotation import yaw_to_matrix
from diffopt_core.data.skeleton import PARENTS
from diffopt_core.errors import DiffOptError
from diffopt_core.results.saved import (
    Beside,
    Figure,
    body_surface,
    check_finite,
    drawn_surface,
    figure_of,
    truth_beside,
)
from diffopt_core.results.saved.figure import Surface
from diffopt_core.types import CameraTrajectory, HumanMotion, Result
from jaxtyping import Float
from torch import Tensor

#: How a track is drawn: the result of a run, its initial placement, or one of several results.
FINAL, INITIAL, ROW = "final", "initial", "row"


@dataclass(frozen=True)
class Track:
    """A body and its camera in the common world. ``turns``: world rotations of the joints. ``error``: mm, each joint's
    error after the track's own rigid fit."""

    label: str
    role: str
    joints: Float[Tensor, "T 24 3"]
    turns: Float[Tensor, "T 24 3 3"]
    rest: Float[Tensor, "24 3"]
    surface: int
    camera: CameraTrajectory | None
    error: Float[Tensor, "T 24"] | None
    spread: Float[Tensor, "T"] | None = None


@dataclass(frozen=True)
class Stage:
    """Everything shown. ``surfaces``: meshes in rest pose, referenced by index. ``words``: notes on the bodies."""

    tracks: tuple[Track, ...]
    surfaces: tuple[Surface, ...]
    truth: Float[Tensor, "T 24 3"] | None
    true_camera: CameraTrajectory | None
    words: tuple[str, ...]


def stage_of(results: Sequence[Result], labels: Sequence[str]) -> Stage:
    """One result with its initial placement, or several overlaid on the first.

    Each of several is aligned by one rotation and translation: to the ground truth if there is one, else to the first
    result, about the vertical. Raises BadInput naming file and key for a non-finite number, DiffOptError if results
    differ in length or frame rate.
    """
    for result in results:
        _check(result)
    _check_alike(results)
    head = results[0]
    beside = truth_beside(head.clip.truth, head.joints) if head.clip.truth is not None else None
    tracks: list[Track] = []
    surfaces: list[Surface] = []
    words: list[str] = []
    for result, label in zip(results, labels, strict=True):
        figure = figure_of(result)
        surface = _surface(figure)
        words += _words(result, figure, surface)
        number = next((n for n, other in enumerate(surfaces) if _same(other, surface)), len(surfaces))
        surfaces += [surface] if number == len(surfaces) else []
        R, t = _onto(result, head, beside)
        one = len(results) == 1
        parts = [(label, FINAL if one else ROW, result.motion, result.joints, result.camera)]
        if one and not torch.equal(result.initial_joints, result.joints):
            parts.append(("initial", INITIAL, result.initial, result.initial_joints, result.initial_camera))
        for name, role, motion, joints, camera in parts:
            spread = result.spread.root if result.spread is not None and role != INITIAL else None
            error = truth_beside(result.clip.truth, joints) if result.clip.truth is not None else None
            tracks.append(
                Track(
                    name, role, transform(joints.double(), R, t), _turns(motion, figure, R), figure.rest,
                    number, _moved(camera, R, t) if result.clip.size[0] else None,
                    error.error if error else None, spread,
                )
            )  # fmt: skip
    true = head.clip.truth.camera if head.clip.truth is not None else None
    return Stage(
        tuple(tracks), tuple(surfaces), beside.joints if beside else None,
        _moved(true, beside.R, beside.t) if true is not None and beside else None, tuple(dict.fromkeys(words)),
    )  # fmt: skip


def _turns(motion: HumanMotion, figure: Figure, R: Tensor) -> Tensor:
    pose = motion.pose.double()
    return R @ forward_kinematics(pose, figure.rest.double().expand(len(pose), 24, 3), PARENTS)[0]


def _moved(camera: CameraTrajectory, R: Tensor, t: Tensor) -> CameraTrajectory:
    """The camera in a world transformed by ``R``, ``t``."""
    turned = camera.R.double() @ R.mT
    moved = camera.t.double() - (turned @ t.unsqueeze(-1)).squeeze(-1)
    return CameraTrajectory(turned, moved, camera.focal.double(), camera.centre.double(), camera.unit, True)


def _surface(figure: Figure) -> Surface:
    return body_surface(figure.mesh, figure.betas) if figure.mesh is not None else drawn_surface(figure.rest)


def _same(a: Surface, b: Surface) -> bool:
    """Whether two results share a mesh (same body and shape)."""
    return a.vertices.shape == b.vertices.shape and bool(np.abs(a.vertices - b.vertices).max() < 1e-4)


def _onto(result: Result, head: Result, beside: Beside | None) -> tuple[Tensor, Tensor]:
    """Transform from a result's world to the first result's."""
    still = torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    if result is head:
        return still
    own, first = result.joints.double(), head.joints.double()
    if beside is not None and result.clip.truth is not None:
        theirs = truth_beside(result.clip.truth, result.joints)
        if theirs is not None:  # result -> truth -> the first one's world
            R = beside.R @ theirs.R.mT
            return R, beside.t - R @ theirs.t
    flat = torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64)
    a, b = own - own.mean((0, 1)), first - first.mean((0, 1))
    turned = (a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2]).sum()
    yaw = yaw_to_matrix(torch.atan2(turned, (a[..., 0] * b[..., 0] + a[..., 2] * b[..., 2]).sum()))
    return yaw, (first.mean((0, 1)) - yaw @ own.mean((0, 1))) * flat


def _words(result: Result, figure: Figure, surface: Surface) -> list[str]:
    words = []
    if figure.missing:
        words.append(f"Bones are drawn in place of a mesh: {figure.missing}")
    if surface.correctives:
        words.append("The mesh is shown without the body model's pose correctives.")
    if result.body_model == "smpl" and not surface.drawn:
        words.append("This file contains the SMPL mesh in one shape; the SMPL licence restricts its distribution.")
    return words


def _check(result: Result) -> None:
    """Check that everything drawn is finite."""
    first, camera, began = result.initial, result.camera, result.initial_camera
    check_finite(result, {
        "joints": result.joints, "pose": result.motion.pose, "cam_R": camera.R, "cam_t": camera.t,
        "cam_focal": camera.focal, "initial_joints": result.initial_joints, "initial pose": first.pose,
        "initial_cam_R": began.R, "initial_cam_t": began.t,
    })  # fmt: skip


def _check_alike(results: Sequence[Result]) -> None:
    head = results[0]
    for result in results[1:]:
        if len(result.joints) != len(head.joints) or abs(result.clip.fps - head.clip.fps) > 1e-3:
            raise DiffOptError(
                f"{result.clip.path or result.clip.name}: has {len(result.joints)} frames at {result.clip.fps:g} fps, "
                f"{head.clip.path or head.clip.name} {len(head.joints)} at "
                f"{head.clip.fps:g}; results can only be compared if they are of the same clip"
            )
