"""A track's root in the camera frame and in our world, pelvis and all."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from diffopt_core.errors import BadInput
from diffopt_core.types import CameraTrajectory, Clip
from jaxtyping import Float

from .pelvis import RestJoints
from .tracks import Root, Track, World

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Placed:
    """Root orientation and pelvis, m, of some frames in one frame of reference."""

    orient: Float[np.ndarray, "T 3 3"]
    pelvis: Float[np.ndarray, "T 3"]
    facts: dict[str, Any] = field(default_factory=dict)


def pelvis_of(root: Root, betas: np.ndarray, rest: RestJoints) -> Float[np.ndarray, "N 3"]:
    """The pelvis joint of a root, m, in the root's own frame of reference."""
    return root.transl if root.is_pelvis else root.transl + rest.pelvis(betas)


def in_camera(
    track: Track, clip: Clip, rest: RestJoints, rows: np.ndarray, camera: CameraTrajectory | None = None
) -> Placed:
    """Root and pelvis in the camera frame, for the clip's frames (``rows`` of the track).

    The translation goes with a focal length. Where that of the clip's camera is another than the tool's, the depth
    is scaled with it, which keeps the size in the image.
    """
    if track.weak is not None:
        assert track.orient is not None
        return _from_weak(track, clip, rest, rows, camera)
    if track.camera is not None:
        root = track.camera
        pelvis = pelvis_of(root, track.betas, rest)
        return _other_focal(track, Placed(root.orient[rows], pelvis[rows]), clip, camera)
    assert track.world is not None and track.world.R is not None and track.world.t is not None
    R, t, root = track.world.R, track.world.t, track.world.root
    # the pelvis is turned and not transl, which is no point of the body
    pelvis = _apply(R, pelvis_of(root, track.betas, rest)) + t
    return _other_focal(track, Placed((R @ root.orient)[rows], pelvis[rows]), clip, camera)


def in_world(track: Track, rest: RestJoints) -> tuple[Placed, np.ndarray, np.ndarray] | None:
    """Root and pelvis in our world (metres, Y up), and world-to-camera R ``[N 3 3]``, t ``[N 3]``; None where the
    tool gives no world. Where it gives no cameras they follow from the root in both frames."""
    world = track.world
    if world is None:
        return None
    betas = track.betas if world.betas is None else world.betas
    orient, pelvis = world.root.orient, pelvis_of(world.root, betas, rest)
    if world.carried:
        assert world.R is not None and world.t is not None
        back = world.R.swapaxes(-1, -2)
        orient, pelvis = back @ orient, _apply(back, pelvis - world.t)
    placed = Placed(world.axes @ orient, pelvis @ world.axes.T + world.shift, {"world": world.note})
    if world.R is not None and world.t is not None:
        R = world.R @ world.axes.T
        return placed, R, world.t - _apply(R, world.shift)
    assert track.camera is not None
    R = track.camera.orient @ placed.orient.swapaxes(-1, -2)
    return placed, R, pelvis_of(track.camera, track.betas, rest) - _apply(R, placed.pelvis)


def upright(world: World, file: object) -> World:
    """The world as it is, or turned upside down with a notice where the trunk says that its y points down."""
    trunk = (world.axes @ world.root.orient)[:, 1, 1].mean()  # y of the body's own up
    if trunk > -0.3:
        return world
    _log.warning(f"{file}: the people stand on their heads in a world with Y up: taken to be Y down, and turned")
    flip = np.diag([1.0, -1.0, -1.0])
    note = f"{world.note}; found with y down by the people's trunks and turned"
    return replace(world, axes=flip @ world.axes, shift=flip @ world.shift, note=note)


def focal_of(track: Track, clip: Clip, camera: CameraTrajectory | None) -> tuple[np.ndarray, str]:
    """Focal length in px for each frame of the clip, and where it is from: the camera, the clip, the file, or (with a
    notice) half the sum of width and height."""
    if camera is not None:
        return camera.focal.detach().cpu().double().numpy().mean(-1), str(camera.facts.get("focal_from", "the camera"))
    if clip.focal is not None:
        return np.full(clip.num_frames, clip.focal), clip.focal_from or "the clip"
    if track.focal is not None:
        return np.full(clip.num_frames, track.focal * _enlarged(track, clip)), f"{track.tool}'s file"
    guess = 0.5 * sum(clip.size)
    _log.warning(f"the focal length is not known: {guess:g} px is assumed (half of width plus height); set --focal")
    return np.full(clip.num_frames, guess), "assumed: half of width plus height"


def _from_weak(track: Track, clip: Clip, rest: RestJoints, rows: np.ndarray, camera: CameraTrajectory | None) -> Placed:
    assert track.weak is not None and track.orient is not None
    enlarged = _enlarged(track, clip)
    focal, source = focal_of(track, clip, camera)
    width, height = clip.size
    scale, offset = track.weak.scale[rows], track.weak.offset[rows]
    scale = scale * width / 2 if track.weak.normalised else scale * enlarged
    if camera is not None:  # the tool measures from the image's middle
        centre = camera.centre.detach().cpu().double().numpy()
        offset = offset + (np.array([width, height]) / 2 - centre) / scale[:, None]
    transl = np.concatenate([offset, (focal / scale)[:, None]], 1)
    return Placed(track.orient[rows], transl + rest.pelvis(track.betas[rows]), {"focal_from": source})


def _enlarged(track: Track, clip: Clip) -> float:
    """Size of the clip's images over that of the tool's. Raises BadInput where the shapes differ."""
    if track.size is None or min(clip.size) <= 0:
        return 1.0
    ratio = np.array(clip.size) / np.array(track.size)
    if abs(ratio[0] / ratio[1] - 1) > 0.02:
        made, have = (f"{w} x {h}" for w, h in (track.size, clip.size))
        raise BadInput(
            clip.path or clip.name, "size", f"{track.tool}'s images were {made} px, the clip's are {have} px"
        )
    return float(ratio[0])


def _other_focal(track: Track, placed: Placed, clip: Clip, camera: CameraTrajectory | None) -> Placed:
    enlarged = _enlarged(track, clip)
    if track.focal is None:
        return Placed(placed.orient, placed.pelvis, {"focal_from": "not in the file; the depth is taken as it is"})
    if camera is None and clip.focal is None:
        return Placed(placed.orient, placed.pelvis, {"focal_from": f"{track.tool}'s file"})
    focal, source = focal_of(track, clip, camera)
    ratio = focal / (track.focal * enlarged)
    if np.abs(ratio - 1).max() < 0.01:
        return Placed(placed.orient, placed.pelvis, {"focal_from": source})
    _log.warning(
        f"{track.tool} took a focal length of {track.focal * enlarged:.0f} px, the clip's is {np.median(focal):.0f} px;"
        f" the depth is scaled by {np.median(ratio):.3f}"
    )
    pelvis = placed.pelvis * np.stack([np.ones_like(ratio), np.ones_like(ratio), ratio], -1)
    return Placed(placed.orient, pelvis, {"focal_from": source, "depth_scaled": float(np.median(ratio))})


def _apply(R: np.ndarray, x: np.ndarray) -> np.ndarray:
    return (R @ x[..., None])[..., 0]
