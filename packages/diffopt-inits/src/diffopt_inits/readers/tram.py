"""TRAM: ``hps/hps_track_k.npy``, a pickled dict, one person a file (yufu-wang/tram, scripts/estimate_humans.py), and
``camera.npy`` in the folder above (scripts/estimate_camera.py).

Rotations are matrices, ``pred_trans`` is SMPL's transl in the camera frame. The cameras are camera to world and in
metres: here they are inverted. Older versions wrote a second, gravity-aligned copy (``world_cam_R``, Y up); without
it the world is the first camera's frame, and its vertical is that camera's.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.common.unpickle import read_foreign
from diffopt_core.errors import BadInput

from .fields import Fields, rotations, same_length, shape_ten
from .tracks import Y_FLIP, Root, Track, World

TOOL = "TRAM"
_PREFIX = "hps_track_"
_log = logging.getLogger(__name__)


def accepts(held: Any) -> bool:
    """Whether this is the content of such a file."""
    return isinstance(held, dict) and {"pred_rotmat", "pred_trans"} <= set(held)


def read_folder(path: Path) -> tuple[Track, ...]:
    """The tracks of a folder ``hps``, or of the one that holds it. Raises BadInput."""
    folder = path / "hps" if (path / "hps").is_dir() else path
    files = sorted(folder.glob(f"{_PREFIX}*.npy"), key=lambda file: (len(file.name), file.name))
    if not files:
        raise BadInput(path, "folder", f"holds no {_PREFIX}*.npy")
    return tuple(track for file in files for track in parse(file, read_foreign(file)))


def parse(path: Path, held: Any) -> tuple[Track, ...]:
    """The track of what a file holds; the cameras are looked for beside it."""
    person = Fields(path, held)
    pose = rotations(path, "pred_rotmat", person.array("pred_rotmat", (None, 24, 3, 3)))
    trans = person.array("pred_trans", (None, 3), (None, 1, 3)).reshape(-1, 3)
    frames = person.frames("frame")
    count = same_length(person, frame=frames, pred_rotmat=pose, pred_trans=trans)
    root = Root(pose[:, 0], trans)
    betas = person.array("pred_shape", (None, 10), (10,))
    file = next((f for f in (path.parent / "camera.npy", path.parent.parent / "camera.npy") if f.is_file()), None)
    camera = None if file is None else Fields(file, read_foreign(file))
    world, total = (None, None) if camera is None else _world(camera, root, frames)
    centre = None if camera is None or "img_center" not in camera else camera.array("img_center", (2,))
    return (
        Track(
            tool=TOOL,
            id=path.stem.removeprefix(_PREFIX),
            frames=frames,
            total=total,
            body_pose=pose[:, 1:],
            betas=shape_ten(path, "pred_shape", betas, count),
            camera=root,
            world=world,
            focal=None if camera is None else float(camera.array("img_focal", ())),
            centre=None if centre is None else (float(centre[0]), float(centre[1])),
            size=None if centre is None else (round(2 * float(centre[0])), round(2 * float(centre[1]))),
        ),
    )


def _world(camera: Fields, root: Root, frames: np.ndarray) -> tuple[World, int]:
    """The motion is the camera-frame one, carried by the cameras; ``root`` is passed on for its orientation."""
    level = "world_cam_R" in camera and "world_cam_T" in camera
    names = ("world_cam_R", "world_cam_T") if level else ("pred_cam_R", "pred_cam_T")
    R = rotations(camera.path, names[0], camera.array(names[0], (None, 3, 3)))
    T = camera.array(names[1], (None, 3))
    total = same_length(camera, **{names[0]: R, names[1]: T})
    if frames.max() >= total:
        problem = f"has {total} cameras, the person is in frame {frames.max()}: not of the same run?"
        raise BadInput(camera.path, names[0], problem)
    if np.isclose(R, R[:1]).all() and np.isclose(T, T[:1]).all() and total > 1:
        _log.warning(f"{camera.path}: every camera is the same: TRAM took the camera to stand still")
    R, T = R[frames], T[frames]
    to_camera = R.swapaxes(-1, -2)
    note = (
        "TRAM's gravity-aligned world, in metres"
        if level
        else "TRAM's world, in metres: the first camera's frame with y turned up; the vertical is that camera's"
    )
    axes = np.eye(3) if level else Y_FLIP
    t = -(to_camera @ T[..., None])[..., 0]
    return World(root, axes, level=level, R=to_camera, t=t, carried=True, note=note), total
