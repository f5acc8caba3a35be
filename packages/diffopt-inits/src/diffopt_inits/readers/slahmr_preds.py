"""SLAHMR's ``track_preds/{seq}/{tid}/{frame}_smpl.json`` (vye16/slahmr, preproc/export_phalp.py): PHALP's results,
a JSON file a person and frame, with ``{frame}_keypoints.json`` of 25 OpenPose points beside them.

``cam_trans`` is SMPL's transl in the camera frame at the focal length (width + height) / 2, which no file names.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.errors import BadInput

from .fields import Fields, matrices, numbers
from .tracks import Root, Track

_NUMBER = re.compile(r"(\d+)_smpl$")


def read_folder(path: Path) -> tuple[Track, ...]:
    """The tracks of a sequence's folder, or the one track of a person's. Raises BadInput."""
    folders = [path] if any(path.glob("*_smpl.json")) else sorted(f for f in path.iterdir() if f.is_dir())
    tracks = [track for folder in folders if (track := _track(folder)) is not None]
    if not tracks:
        raise BadInput(path, "folder", "holds no *_smpl.json")
    # names start at 1 where frames were written by ffmpeg, as SLAHMR does
    lowest = min(int(track.frames[0]) for track in tracks)
    return tuple(tracks) if lowest == 0 else tuple(_from_one(track) for track in tracks)


def _from_one(track: Track) -> Track:
    from dataclasses import replace

    return replace(track, frames=track.frames - 1)


def _track(folder: Path) -> Track | None:
    numbered = {int(m[1]): file for file in folder.glob("*_smpl.json") if (m := _NUMBER.search(file.stem))}
    if not numbered:
        return None
    frames = sorted(numbered)
    rows = [_row(numbered[frame]) for frame in frames]
    stacked = {key: np.stack([row[key] for row in rows]) for key in rows[0] if all(key in row for row in rows)}
    return Track(
        tool="SLAHMR's track_preds",
        id=folder.name.lstrip("0") or "0",
        frames=np.array(frames),
        body_pose=matrices(stacked["body_pose"]),
        betas=stacked["betas"],
        camera=Root(matrices(stacked["global_orient"]), stacked["cam_trans"]),
        keypoints=stacked.get("keypoints"),
        layout="openpose25" if "keypoints" in stacked else None,
    )


def _row(file: Path) -> dict[str, np.ndarray]:
    held = Fields(file, _json(file))
    row = {
        "betas": held.array("betas", (10,)),
        "body_pose": held.array("body_pose", (23, 3)),
        "global_orient": held.array("global_orient", (3,)),
        "cam_trans": held.array("cam_trans", (3,)),
    }
    beside = file.with_name(file.name.replace("_smpl", "_keypoints"))
    if beside.is_file():
        people = Fields(beside, _json(beside)).raw("people")
        if people:
            points = Fields(beside, people[0], "people.0").raw("pose_keypoints_2d")
            row["keypoints"] = numbers(beside, "pose_keypoints_2d", np.reshape(points, (-1, 3)), (25, 3))
    return row


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise BadInput(file, "file", f"cannot be read as JSON ({error})") from None
