"""TRAM: ``hps/hps_track_k.npy``, a pickled dict, one person per file (yufu-wang/tram, scripts/estimate_humans.py);
``camera.npy`` in the folder above (scripts/estimate_camera.py), and the ``.npz`` of its EMDB script.

Rotations are matrices, ``pred_trans`` is SMPL's transl in the camera frame. The cameras (``pred_cam_R`` N 3 3,
``pred_cam_T`` N 3, ``img_focal``, ``img_center`` px) are camera to world and in metres: here they are inverted. Older
versions and the EMDB script wrote a second, gravity-aligned copy (``world_cam_R``, Y up); without it the world is the
first camera's frame, and its vertical is that camera's. Source: lib/camera/est_gravity.py.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.common.unpickle import read_foreign
from diffopt_core.errors import BadInput

from .fields import Fields, rotations, same_length, shape_ten
from .poses import read_matrices
from .tracks import Y_FLIP, Cameras, Contents, Root, Track, World, size_of

_PREFIX = "hps_track_"
_log = logging.getLogger(__name__)


def accepts(held: Any) -> bool:
    """Whether this is the content of such a file."""
    return isinstance(held, dict) and (
        {"pred_rotmat", "pred_trans"} <= set(held) or bool({"pred_cam_R", "world_cam_R"} & set(held))
    )


def read_folder(path: Path) -> Contents:
    """Read a folder ``hps``, or its parent folder. Raises BadInput."""
    folder = path / "hps" if (path / "hps").is_dir() else path
    files = sorted(folder.glob(f"{_PREFIX}*.npy"), key=lambda file: (len(file.name), file.name))
    beside = _beside(folder / "any")
    files = files or ([] if beside is None else [beside])
    if not files:
        raise BadInput(path, "folder", f"contains no {_PREFIX}*.npy and no camera.npy")
    found = [parse(file, read_foreign(file)) for file in files]
    return Contents(tuple(track for one in found for track in one.people), found[0].cameras)


def parse(path: Path, held: Any) -> Contents:
    """A person with the cameras from beside the file, or the cameras alone. Raises BadInput."""
    if isinstance(held, dict) and {"pred_cam_R", "world_cam_R"} & set(held):
        return Contents(cameras=read_cameras(Fields(path, held)))
    person = Fields(path, held)
    pose = rotations(path, "pred_rotmat", person.array("pred_rotmat", (None, 24, 3, 3)))
    trans = person.array("pred_trans", (None, 3))
    frames = person.frames("frame")
    count = same_length(person, frame=frames, pred_rotmat=pose, pred_trans=trans)
    track = Track(
        tool="TRAM",
        id=path.stem.removeprefix(_PREFIX),
        frames=frames,
        body_pose=pose[:, 1:],
        betas=shape_ten(person, "pred_shape", count),
        camera=Root(pose[:, 0], trans),
    )
    file = _beside(path)
    if file is None:
        return Contents((track,))
    cameras = read_cameras(Fields(file, read_foreign(file)))
    return Contents((_with_cameras(track, cameras),), cameras)


def _beside(path: Path) -> Path | None:
    return next((f for f in (path.parent / "camera.npy", path.parent.parent / "camera.npy") if f.is_file()), None)


def read_cameras(held: Fields, where: str = "pred_cam", level: str = "world_cam", form: str = "tram") -> Cameras:
    """Cameras from keys such as ``pred_cam_R``, ``pred_cam_T``: camera to world, metres. Raises BadInput."""
    upright = f"{level}_R" in held
    keys = [f"{level if upright else where}_{part}" for part in "RT"]
    R = held.array(keys[0], (None, 3, 3), finite=False)
    t = held.array(keys[1], (len(R), 3), finite=False)
    still = len(R) > 1 and bool(np.isclose(R, R[:1]).all() and np.isclose(t, t[:1]).all())
    names = [held.name(key) for key in keys]
    R, t, solved = read_matrices(R, t, held.path, names, camera_to_world=True)
    focal = None
    if "img_focal" in held:
        focal = np.broadcast_to(held.array("img_focal", (), (2,)), (len(R), 2)).copy()
    centre = held.pair("img_center")
    note = (f"{held.path}: every camera is the same: a static camera was given or detected",)
    return Cameras(
        held.path, form, "camera to world", R, t, solved, focal=focal,
        centre=None if centre is None else np.tile(np.array(centre), (len(R), 1)),
        intrinsics_key=held.name("img_focal"), unit="metre", level=upright, static=still, notes=note if still else (),
    )  # fmt: skip


def _with_cameras(track: Track, cameras: Cameras) -> Track:
    """World motion: the camera-frame motion mapped to the world by the cameras."""
    frames, total = track.frames, len(cameras)
    if frames.max() >= total:
        problem = f"has {total} cameras, the person is in frame {frames.max()}: from another run?"
        raise BadInput(cameras.path, "pred_cam_R", problem)
    if not cameras.solved[frames].all():
        raise BadInput(cameras.path, "pred_cam_R", "values are not finite in frames of the person")
    for note in cameras.notes:
        _log.warning(note)
    note = (
        "TRAM's gravity-aligned world, in metres"
        if cameras.level
        else "TRAM's world, in metres: the first camera's frame converted to Y up; the vertical is that camera's"
    )
    assert track.camera is not None
    world = World(
        track.camera, np.eye(3) if cameras.level else Y_FLIP, level=cameras.level, R=cameras.R[frames],
        t=cameras.t[frames], carried=True, note=note,
    )  # fmt: skip
    centre = None if cameras.centre is None else (float(cameras.centre[0, 0]), float(cameras.centre[0, 1]))
    focal = None if cameras.focal is None else float(cameras.focal[0, 0])
    return replace(track, total=total, world=world, focal=focal, centre=centre, size=size_of(centre))
