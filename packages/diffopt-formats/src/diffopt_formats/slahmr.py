"""SLAHMR: ``{phase}/{seq}_{iter}_world_results.npz`` (vye16/slahmr, optim/base_scene.py and optimizers.py), with
``track_info.json`` in its folder or the one above; ``cameras.npz`` of its preprocessed cameras (preproc/run_slam.py,
data/dataset.py); and folders of ``track_preds`` (preproc/export_phalp.py).

B tracks, T frames; SMPL-H with 21 body joints. The world is the first camera's frame, y down, in metres once the motion
phase has estimated the scale; ``cam_R``, ``cam_t`` are world to camera. (``cameras.json`` beside it is for a viewer,
with y and z reversed; it is not read.) The floor plane, if any, defines vertical and floor, else the first camera does.

``cameras.npz``: WORLD TO CAMERA (TRAM's are camera to world), arbitrary scale: ``w2c`` (N 4 4), ``intrins`` (N 4): fx
fy cx cy, px; ``width``, ``height``, ``focal``.

``track_preds/{seq}/{tid}/{frame}_smpl.json``: PHALP's results, a JSON file per person and frame, with
``{frame}_keypoints.json`` of 25 OpenPose points beside them. ``cam_trans`` is SMPL's transl in the camera frame at the
focal length (width + height) / 2, which no file states. Frame names count from 1 if ffmpeg wrote the frames.
"""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.common.documents import read_json
from diffopt_core.errors import BadInput

from .fields import Fields, body_rotations, matrices, rotations, ten_of
from .poses import read_matrices, split_matrices
from .tracks import Y_FLIP, Cameras, Contents, Root, Track, World, size_of

_NUMBER = re.compile(r"(\d+)_smpl$")
_log = logging.getLogger(__name__)


def accepts(held: Any) -> bool:
    """Whether this is the content of such a file."""
    keys = set(held) if isinstance(held, dict) else set()
    return "w2c" in keys or ({"root_orient", "trans"} <= keys and bool({"cam_R", "pose_body"} & keys))


def parse(path: Path, held: Any) -> Contents:
    """People with their cameras (``track_info.json`` is read from beside the file), or the cameras of preprocessing."""
    whole = Fields(path, held)
    return Contents(cameras=_preprocessed(whole)) if "w2c" in whole else Contents(_people(path, whole))


def _people(path: Path, whole: Fields) -> tuple[Track, ...]:
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
        _log.warning(f"{path}: every camera is the same: SLAHMR assumed a static camera")
    intrins = whole.array("intrins", (None, 4), (4,), (people, count, 4)).reshape(-1, 4) if "intrins" in whole else None
    tracks = []
    for i in range(people):
        some = info.there[i]
        centre = None if intrins is None else (float(intrins[0, 2]), float(intrins[0, 3]))
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
                tool="SLAHMR",
                id=info.ids[i],
                frames=info.first + np.flatnonzero(some),
                total=info.total,
                fps=30.0,
                body_pose=body_rotations(matrices(pose[i, some])),
                betas=ten_of(path, "betas", betas[i], count)[some],
                betas_of="smplh",
                world=world,
                focal=None if intrins is None else float(intrins[0, 0]),
                centre=centre,
                size=size_of(centre),
            )
        )
    return tuple(tracks)


class _Info:
    """Names of the tracks, their frames among the T, and the video frame of the first of the T."""

    def __init__(self, ids: list[str], there: np.ndarray, first: int, total: int | None):
        self.ids, self.there, self.first, self.total = ids, there, first, total


def _info(path: Path, people: int, count: int) -> _Info:
    file = next(
        (f for f in (path.parent / "track_info.json", path.parent.parent / "track_info.json") if f.is_file()), None
    )
    if file is None:
        _log.warning(
            f"{path}: no track_info.json beside it: the frames are assumed to start with the first video frame"
        )
        return _Info([str(i) for i in range(people)], np.ones((people, count), bool), 0, count)
    whole = Fields(file, read_json(file))
    meta, tracks = whole.sub("meta"), whole.sub("tracks").held
    start, end = (int(n) for n in meta.array("seq_interval", (2,)))
    data_start, data_end = (int(n) for n in meta.array("data_interval", (2,)))
    if end - start != count or len(tracks) != people:
        problem = f"lists {len(tracks)} tracks of {end - start} frames, but the result has {people} of {count}"
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
        there[index, first : last + 1] = True  # occluded frames in between are solved too
    return _Info(ids, there, data_start + start, data_end if data_end > 0 else None)


def _axes(plane: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, str]:
    """Rotation and shift from SLAHMR's world to ours. A plane is normal times offset; up is the direction of decreasing
    y."""
    if plane is None:
        note = "SLAHMR's world converted to Y up; the vertical is the first camera's (no floor plane in the file)"
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
    return level @ Y_FLIP, np.array([0.0, -offset, 0.0]), "SLAHMR's world, aligned to its floor plane"


def _preprocessed(held: Fields) -> Cameras:
    path = held.path
    T = held.array("w2c", (None, 4, 4), finite=False)
    R, t, solved = read_matrices(*split_matrices(T, path, "w2c"), path, ("w2c",), camera_to_world=False)
    size = None
    if "width" in held and "height" in held:
        width, height = (int(held.array(key, ())) for key in ("width", "height"))
        size = (width, height)
    focal = centre = None
    if "intrins" in held:
        rows = np.broadcast_to(held.array("intrins", (len(T), 4), (4,)), (len(T), 4))
        focal, centre = rows[:, :2], rows[:, 2:]
    elif "focal" in held:
        focal = np.full((len(T), 2), held.number("focal"))
    return Cameras(
        path, "slahmr", "world to camera", R, t, solved, focal=focal, centre=centre, size=size,
        intrinsics_key="intrins" if "intrins" in held else "focal",
    )  # fmt: skip


def read_folder(path: Path) -> Contents:
    """The people in a sequence's folder of predictions, or the person in a single track's folder. Raises BadInput."""
    folders = [path] if any(path.glob("*_smpl.json")) else sorted(f for f in path.iterdir() if f.is_dir())
    tracks = [track for folder in folders if (track := _track(folder)) is not None]
    if not tracks:
        raise BadInput(path, "folder", "holds no *_smpl.json")
    first = min(1, *(int(track.frames[0]) for track in tracks))
    return Contents(tuple(replace(track, frames=track.frames - first) for track in tracks))


def _track(folder: Path) -> Track | None:
    files = (file for file in folder.glob("*_smpl.json") if not file.name.startswith("."))
    numbered = {int(m[1]): file for file in files if (m := _NUMBER.search(file.stem))}
    if not numbered:
        return None
    rows = [_row(numbered[frame]) for frame in sorted(numbered)]
    stacked = {key: np.stack([row[key] for row in rows]) for key in rows[0] if all(key in row for row in rows)}
    return Track(
        tool="SLAHMR's track_preds",
        id=folder.name.lstrip("0") or "0",
        frames=np.array(sorted(numbered)),
        body_pose=matrices(stacked["body_pose"]),
        betas=stacked["betas"],
        camera=Root(matrices(stacked["global_orient"]), stacked["cam_trans"]),
        keypoints=stacked.get("keypoints"),
        layout="openpose25" if "keypoints" in stacked else None,
    )


def _row(file: Path) -> dict[str, np.ndarray]:
    held = Fields(file, read_json(file))
    shapes = {"betas": (10,), "body_pose": (23, 3), "global_orient": (3,), "cam_trans": (3,)}
    row = {key: held.array(key, shape) for key, shape in shapes.items()}
    beside = file.with_name(file.name.replace("_smpl", "_keypoints"))
    people = Fields(beside, read_json(beside)).raw("people") if beside.is_file() else []
    if people:
        points = Fields(beside, people[0], "people.0").array("pose_keypoints_2d", (75,), (25, 3))
        row["keypoints"] = points.reshape(25, 3)
    return row
