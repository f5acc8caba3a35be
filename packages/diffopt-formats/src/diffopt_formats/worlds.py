"""Transform a tool's world to ours, and derive cameras from a person known in both frames."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.errors import BadInput
from jaxtyping import Float

from .fields import Fields
from .pelvis import RestJoints, rest_joints
from .tracks import Cameras, Root, Track, World, size_of

_log = logging.getLogger(__name__)
#: Root, joint rotations and number of frames of body parameters.
Params = Callable[[Fields], tuple[Root, np.ndarray, int]]


@dataclass(frozen=True)
class Placed:
    """Root orientation and pelvis position, m, over frames, in one frame of reference."""

    orient: Float[np.ndarray, "T 3 3"]
    pelvis: Float[np.ndarray, "T 3"]
    facts: dict[str, Any] = field(default_factory=dict)


def turned(R: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Rotate vectors ``[N 3]`` by rotations ``[N 3 3]``."""
    return (R @ x[..., None])[..., 0]


def pelvis_of(root: Root, betas: np.ndarray, rest: RestJoints) -> Float[np.ndarray, "N 3"]:
    """The pelvis joint of a root, m, in the root's own frame of reference."""
    return root.transl if root.is_pelvis else root.transl + rest.pelvis(betas)


def in_world(track: Track, rest: RestJoints) -> tuple[Placed, np.ndarray, np.ndarray] | None:
    """Root and pelvis in our world (metres, Y up), and world-to-camera R ``[N 3 3]``, t ``[N 3]``; None if the tool
    gives no world. If it gives no cameras, they are derived from the root in both frames."""
    world = track.world
    if world is None:
        return None
    betas = track.betas if world.betas is None else world.betas
    orient, pelvis = world.root.orient, pelvis_of(world.root, betas, rest)
    if world.carried:
        assert world.R is not None and world.t is not None
        back = world.R.swapaxes(-1, -2)
        orient, pelvis = back @ orient, turned(back, pelvis - world.t)
    placed = Placed(world.axes @ orient, pelvis @ world.axes.T + world.shift, {"world": world.note})
    if world.R is not None and world.t is not None:
        R = world.R @ world.axes.T
        return placed, R, world.t - turned(R, world.shift)
    assert track.camera is not None
    R = track.camera.orient @ placed.orient.swapaxes(-1, -2)
    return placed, R, pelvis_of(track.camera, track.betas, rest) - turned(R, placed.pelvis)


def cameras_of(track: Track, path: Path, form: str) -> Cameras | None:
    """World-to-camera of a person's frames, in our world, derived from the tool's world; None without a world."""
    found = in_world(track, rest_joints(track.betas_of, None, notify=False))
    if found is None or track.world is None:
        return None
    _, R, t = found
    count = len(R)
    return Cameras(
        path, form, "from the person in both frames" if track.world.R is None else "world to camera", R, t,
        np.ones(count, bool), numbers=track.frames.astype(np.float64),
        focal=None if track.focal is None else np.full((count, 2), track.focal),
        centre=None if track.centre is None else np.tile(np.array(track.centre), (count, 1)),
        size=track.size, intrinsics_key=f"{track.tool}'s focal length", unit="guess", level=track.world.level,
    )  # fmt: skip


def upright(world: World, file: object) -> World:
    """The world unchanged, or flipped with a notice if the trunk shows that its y points down."""
    trunk = (world.axes @ world.root.orient)[:, 1, 1].mean()  # y of the body's own up
    if trunk > -0.3:
        return world
    _log.warning(f"{file}: the people would be upside down with Y up: the world is assumed Y down and was flipped")
    flip = np.diag([1.0, -1.0, -1.0])
    note = f"{world.note}; y pointed down (by the people's trunks), flipped"
    return replace(world, axes=flip @ world.axes, shift=flip @ world.shift, note=note)


def two_frames(
    path: Path, whole: Fields, inside: tuple[str, ...], outside: tuple[str, ...], params: Params, tool: str, note: str
) -> Track:
    """The one person of a file with body parameters in the camera frames (``inside``, by any of these keys), perhaps
    the same in a world that is Y up by gravity (``outside``), and ``K_fullimg``; betas are zero. ``params``: root,
    SMPL's 23 rotations and number of frames of either. ``note``: about that world. Raises BadInput."""
    root, pose, count = params(whole.sub(*inside))
    world = None
    if any(key in whole for key in outside):
        other, _, length = params(whole.sub(*outside))
        if length != count:
            raise BadInput(path, outside[0], f"has {length} frames where {inside[0]} has {count}")
        world = upright(World(other, np.eye(3), note=note), path)
    K = whole.array("K_fullimg", (count, 3, 3), (3, 3)).reshape(-1, 3, 3)[0] if "K_fullimg" in whole else None
    centre = None if K is None else (float(K[0, 2]), float(K[1, 2]))
    return Track(
        tool=tool,
        id="0",
        frames=np.arange(count),
        total=count,
        body_pose=pose,
        betas=np.zeros((count, 10)),
        camera=root,
        world=world,
        focal=None if K is None else float(K[0, 0]),
        centre=centre,
        size=size_of(centre),
    )
