"""SLAHMR: ``{phase}/{seq}_{iter}_world_results.npz`` (vye16/slahmr, optim/base_scene.py and optimizers.py), with
``track_info.json`` in its folder or the one above; and folders of ``track_preds`` (see ``slahmr_preds``).

B tracks, T frames; SMPL-H with 21 body joints. The world is the first camera's, y down, in metres after the motion
phase has found the scale; ``cam_R``, ``cam_t`` are world to camera. (``cameras.json`` beside it is for a viewer, with y
and z reversed: not read.) Where there is a floor plane it gives vertical and floor, else the first camera does.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.errors import BadInput

from .fields import Fields, body_rotations, matrices, rotations, shape_ten
from .tracks import Y_FLIP, Root, Track, World

TOOL = "SLAHMR"
_log = logging.getLogger(__name__)


def accepts(held: Any) -> bool:
    """Whether this is the content of such a file."""
    return isinstance(held, dict) and {"root_orient", "trans"} <= set(held) and bool({"cam_R", "pose_body"} & set(held))


def parse(path: Path, held: Any) -> tuple[Track, ...]:
    """The tracks of what a file holds; ``track_info.json`` is looked for beside it."""
    whole = Fields(path, held)
    trans = whole.array("trans", (None, None, 3))
    people, count = trans.shape[:2]
    orient = whole.array("root_orient", (people, count, 3))
    pose = whole.array("pose_body", (people, count, 63), (people, count, 21, 3)).reshape(people, count, 21, 3)
    betas = whole.array("betas", (people, None), (people, count, None)) if "betas" in whole else np.zeros((people, 10))
    R, t = (
        whole.array("cam_R", (people, count, 3, 3), (count, 3, 3)),
        whole.array("cam_t", (people, count, 3), (count, 3)),
    )
    R = np.broadcast_to(rotations(path, "cam_R", R), (people, count, 3, 3))
    t = np.broadcast_to(t, (people, count, 3))
    info = _info(path, people, count)
    planes = whole.array("floor_plane", (None, 3), (None, 4)) if "floor_plane" in whole else None
    owner = whole.array("floor_idcs", (people,)).astype(int) if "floor_idcs" in whole else np.zeros(people, int)
    if np.isclose(R, R[:, :1]).all() and np.isclose(t, t[:, :1]).all() and count > 1:
        _log.warning(f"{path}: every camera is the same: SLAHMR took the camera to stand still")
    intrins = whole.array("intrins", (None, 4), (4,), (people, count, 4)).reshape(-1, 4) if "intrins" in whole else None
    tracks = []
    for i in range(people):
        some = info.there[i]
        axes, shift, note = _axes(None if planes is None else planes[min(owner[i], len(planes) - 1)])
        world = World(
            Root(matrices(orient[i, some]), trans[i, some]),
            axes,
            shift,
            planes is not None,
            R[i, some],
            t[i, some],
            note=note,
        )
        tracks.append(
            Track(
                tool=TOOL,
                id=info.ids[i],
                frames=info.first + np.flatnonzero(some),
                total=info.total,
                fps=30.0,
                body_pose=body_rotations(matrices(pose[i, some])),
                betas=shape_ten(path, "betas", betas[i], count)[some],
                betas_of="smplh",
                world=world,
                focal=None if intrins is None else float(intrins[0, 0]),
                centre=None if intrins is None else (float(intrins[0, 2]), float(intrins[0, 3])),
                size=None if intrins is None else (round(2 * float(intrins[0, 2])), round(2 * float(intrins[0, 3]))),
            )
        )
    return tuple(tracks)


class _Info:
    """Names of the tracks, their frames among the T, and the number of the first of these in the video."""

    def __init__(self, ids: list[str], there: np.ndarray, first: int, total: int | None):
        self.ids, self.there, self.first, self.total = ids, there, first, total


def _info(path: Path, people: int, count: int) -> _Info:
    file = next(
        (f for f in (path.parent / "track_info.json", path.parent.parent / "track_info.json") if f.is_file()), None
    )
    if file is None:
        _log.warning(f"{path}: no track_info.json beside it: the frames are taken to start with the video's first")
        return _Info([str(i) for i in range(people)], np.ones((people, count), bool), 0, count)
    try:
        held = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise BadInput(file, "file", f"cannot be read ({error})") from None
    whole = Fields(file, held)
    meta, tracks = whole.sub("meta"), whole.sub("tracks").held
    start, end = (int(n) for n in meta.array("seq_interval", (2,)))
    data_start, data_end = (int(n) for n in meta.array("data_interval", (2,)))
    if end - start != count or len(tracks) != people:
        problem = f"tells of {len(tracks)} tracks of {end - start} frames, the result has {people} of {count}"
        raise BadInput(file, "meta.seq_interval", problem)
    ids, there = [""] * people, np.zeros((people, count), bool)
    for tid, one in tracks.items():
        track = Fields(file, one, f"tracks.{tid}")
        index, mask = int(track.array("index", ())), track.array("vis_mask", (None,)) > 0
        mask = mask[start:end] if len(mask) != count else mask
        if not 0 <= index < people or ids[index] or len(mask) != count or not mask.any():
            raise track.fail(
                "vis_mask", f"of index {index} has {int(mask.sum())} of {len(mask)} frames; {count} expected"
            )
        ids[index] = str(tid)
        first, last = np.flatnonzero(mask)[[0, -1]]
        there[index, first : last + 1] = True  # what is hidden between is solved too
    return _Info(ids, there, data_start + start, data_end if data_end > 0 else None)


def _axes(plane: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, str]:
    """Rotation and shift from SLAHMR's world to ours. A plane is normal times offset; up is where y falls."""
    if plane is None:
        note = "SLAHMR's world with y turned up; the vertical is the first camera's (no floor plane in the file)"
        return Y_FLIP, np.zeros(3), note
    if len(plane) == 4:
        normal, offset = plane[:3] / np.linalg.norm(plane[:3]), plane[3] / np.linalg.norm(plane[:3])
    else:
        offset = float(np.linalg.norm(plane))
        normal = plane / max(offset, 1e-9)
    if normal[1] > 0:
        normal, offset = -normal, -offset
    up = Y_FLIP @ normal
    x, y, z = up
    share = 1 / (1 + y)
    level = np.array([[1 - x * x * share, -x, -x * z * share], [x, y, z], [-x * z * share, -z, 1 - z * z * share]])
    return level @ Y_FLIP, np.array([0.0, -offset, 0.0]), "SLAHMR's world, levelled and set on its floor plane"
