"""Writing a track as ``motion.npz`` with the keys of docs/conventions.md, 'The result folder'."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffopt_core.common.npz import write_npz
from diffopt_core.data.fill import fill_linear, fill_rotations
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.skeleton import PARENTS
from diffopt_core.errors import BadInput, DiffOptError
from diffopt_core.parts.bodies.anny24 import load
from diffopt_core.perception.video import focal_pixels
from diffopt_core.types import Clip
from diffopt_formats.pelvis import RestJoints, rest_joints
from diffopt_formats.systems import read_tracks
from diffopt_formats.tracks import Track
from diffopt_formats.worlds import Placed, in_world
from scipy.spatial.transform import Rotation

from .body import choose, in_camera

_log = logging.getLogger(__name__)
_WORLD = "world: right-handed, Y up; a body that faces +z has its left on +x"
_CAMERA = "NOT a world: each frame in its own camera's axes (x right, y DOWN, z forward); the camera's motion is in it"


def write_motion(
    file: Path,
    out: Path,
    system: str | None = None,
    person: str = "largest",
    smpl: Path | None = None,
    fps: float | None = None,
    focal: str | None = None,
    camera_frame: bool = False,
) -> Written:
    """Write ``out``. Raises BadInput, DiffOptError."""
    if out.suffix.lower() != ".npz":
        raise DiffOptError(f"{out}: expected a file name that ends in .npz")
    track, who = choose(read_tracks(file, system), person)
    rest = rest_joints(track.betas_of, smpl)
    arrays, words = _arrays(file, track, rest, _pixels(file, track, focal), camera_frame)
    rate, frames = _rate(track, fps), len(arrays["transl"])
    arrays["fps"] = np.array(rate, np.float32)
    text = {key: np.array(value) for key, value in words.items()}
    write_npz(out, {**{k: _single(v) for k, v in arrays.items()}, **text})
    return Written(out, track.tool, str(who["id"]), frames, rate, camera_frame)


def _pixels(file: Path, track: Track, focal: str | None) -> float | None:
    """A focal length in the units of ``diffopt run``, px."""
    if focal is None:
        return None
    number = re.fullmatch(r"\s*([0-9.]+)\s*(px)?\s*", focal, re.IGNORECASE)
    if number and track.size is None:
        return float(number[1])
    if track.size is None:
        raise BadInput(
            file, "size", f"the image size is not in the file; give the focal length in px instead of {focal}"
        )
    return focal_pixels(focal, track.size)


@dataclass(frozen=True)
class Written:
    """Summary of a written file; ``str`` is one line for the user. ``camera_frame``: not in a world."""

    file: Path
    system: str
    person: str
    frames: int
    fps: float
    camera_frame: bool

    def __str__(self) -> str:
        place = "in the cameras' frames" if self.camera_frame else "in one world, Y up"
        return f"{self.system}: person {self.person}, {self.frames} frames at {self.fps:g} fps, {place}: {self.file}"


@dataclass(frozen=True)
class _Motion:
    placed: Placed
    R: np.ndarray
    t: np.ndarray
    axes: str
    betas: np.ndarray


def _arrays(
    file: Path, track: Track, rest: RestJoints, focal: float | None, camera_frame: bool
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    moved = _in_cameras(file, track, rest, focal) if camera_frame else _in_world(file, track, rest)
    first, last = int(track.frames[0]), int(track.frames[-1])
    valid = np.zeros(last - first + 1, bool)
    valid[track.frames - first] = True
    if not valid.all():
        _log.warning(f"{int((~valid).sum())} of {len(valid)} frames lack the person; these are interpolated")
    pose = _spread(np.concatenate([moved.placed.orient[:, None], track.body_pose], 1), track, valid, rotations=True)
    pelvis, betas = _spread(moved.placed.pelvis, track, valid), moved.betas.mean(0)
    rotvec = Rotation.from_matrix(pose.reshape(-1, 3, 3)).as_rotvec().reshape(-1, 24, 3)
    joints, body_model = _joints(pose, pelvis, betas, rest)
    arrays = {
        "joints": joints,
        "global_orient": rotvec[:, 0],
        "body_pose": rotvec[:, 1:],
        "transl": pelvis,
        "betas": betas,
        "cam_R": _spread(moved.R, track, valid, rotations=True),
        "cam_t": _spread(moved.t, track, valid),
        "valid": valid,
        "frames": np.arange(first, last + 1),
    }
    known = focal or track.focal
    if known:
        arrays["cam_focal"] = np.full((len(valid), 2), float(known))
    if track.centre is not None:
        arrays["cam_centre"] = np.tile(np.array(track.centre), (len(valid), 1))
    if track.size is not None:
        arrays["image_size"] = np.array(track.size, np.int64)
    words = {
        "axes": moved.axes,
        "unit": "metre, radian, pixel, second",
        "rotations": "axis-angle, SMPL joint order; global_orient is the root, the others are of their parents",
        "transl_is": f"position of the pelvis joint (SMPL's transl plus the rest pelvis, from {rest.source})",
        "camera_direction": "world to camera: x_cam = cam_R x_world + cam_t; camera x right, y down, z forward",
        "body_model": track.betas_of,
        "betas_of": track.betas_of,
        "joints_of": body_model,
        "source": track.tool,
    }
    return arrays, words


def _in_world(file: Path, track: Track, rest: RestJoints) -> _Motion:
    found = in_world(track, rest)
    if found is None:
        problem = (
            f"{track.tool} has no motion in a world in this file; --camera-frame writes the motion in the camera frames"
        )
        raise BadInput(file, "world", problem + ", diffopt run estimates the world motion")
    placed, R, t = found
    assert track.world is not None
    if not track.world.level:
        _log.warning(f"{file}: {placed.facts['world']}")
    betas = track.betas if track.world.betas is None else track.world.betas
    return _Motion(placed, R, t, f"{_WORLD}. {placed.facts['world']}", betas)


def _in_cameras(file: Path, track: Track, rest: RestJoints, focal: float | None) -> _Motion:
    """Motion in the camera frames; weak perspective needs a focal length and the image size."""
    size = track.size or (0, 0)
    if track.weak is not None and size == (0, 0):
        raise BadInput(file, "size", "is missing; the image size cannot be inferred from the file")
    clip = Clip(file.name, file, 1.0, size, len(track.frames), focal=focal, focal_from="--focal" if focal else "")
    placed = in_camera(track, clip, rest, np.arange(len(track.frames)))
    eye = np.tile(np.eye(3), (len(track.frames), 1, 1))
    return _Motion(placed, eye, np.zeros((len(track.frames), 3)), _CAMERA, track.betas)


def _joints(pose: np.ndarray, pelvis: np.ndarray, betas: np.ndarray, rest: RestJoints) -> tuple[np.ndarray, str]:
    """Joints ``[T 24 3]`` by the user's model, else by the embedded body at its mean shape, with a warning."""
    if rest.exact and len(rest.mean) == 24:
        skeleton, name = rest.joints(betas), "smpl"
    else:
        why = "a SMPL-X or SMPL-H skeleton has no hand joints of SMPL" if rest.exact else "no SMPL model file"
        _log.warning(f"joints are those of the embedded body anny24 at its mean shape ({why})")
        skeleton, name = load().rest_joints(torch.zeros(1, 10))[0].double().numpy(), "anny24"
    relative = torch.from_numpy(skeleton - skeleton[0])
    return forward_kinematics(torch.from_numpy(pose), relative, PARENTS)[1].numpy() + pelvis[:, None], name


def _rate(track: Track, fps: float | None) -> float:
    if fps is not None:
        return fps
    if track.fps is not None:
        _log.warning(f"frame rate: {track.fps:g}, which {track.tool} assumes for every video; set --fps if it differs")
        return track.fps
    _log.warning(f"frame rate: {track.tool}'s file has none, assuming 30; set it with --fps")
    return 30.0


def _spread(values: np.ndarray, track: Track, valid: np.ndarray, rotations: bool = False) -> np.ndarray:
    """Values at all frames from the track's first to its last, with gaps interpolated."""
    rows = np.searchsorted(track.frames, np.arange(track.frames[0], track.frames[-1] + 1))
    whole, mask = torch.from_numpy(values[rows]), torch.from_numpy(valid)
    return (fill_rotations(whole, mask) if rotations else fill_linear(whole, mask)).numpy()


def _single(value: Any) -> np.ndarray:
    array = np.asarray(value)
    return np.ascontiguousarray(array, np.float32) if array.dtype == np.float64 else array
