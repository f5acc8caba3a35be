"""From the tracks of a file to the body of a clip: which person, which frames, and the pelvis in the camera frame."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffopt_core.errors import BadInput, UnknownName
from diffopt_core.parts.datasets.fill import fill_linear, fill_rotations
from diffopt_core.types import CameraFrameBody, CameraTrajectory, Clip

from ..clip_frames import rows_at, source_frames
from .frames import Placed, in_camera
from .pelvis import rest_joints
from .tracks import Track

_log = logging.getLogger(__name__)
#: Decoders differ by so many frames at the end of a video.
SLACK = 2


def choose(tracks: Sequence[Track], person: str) -> tuple[Track, dict[str, Any]]:
    """The wanted person: ``largest`` (in the image; without boxes by scale or nearness), ``longest``, or a track's
    id. Returns the track and who it was among whom. Raises UnknownName for an id that is not there."""
    if person == "longest":
        chosen = max(tracks, key=lambda track: len(track.frames))
    elif person == "largest":
        # a person who is seen for longer counts for more
        chosen = max(tracks, key=lambda track: _area(track) * len(track.frames))
    else:
        known = {track.id: track for track in tracks}
        plain = {track.id.lstrip("0") or "0": track for track in tracks}  # folders write 004
        if person not in known and person not in plain:
            raise UnknownName("person", person, known)
        chosen = known.get(person) or plain[person]
    who = {"id": chosen.id, "by": person, "among": {track.id: len(track.frames) for track in tracks}}
    if len(tracks) > 1:
        others = ", ".join(f"{track.id} ({len(track.frames)} frames)" for track in tracks)
        _log.warning(f"{len(tracks)} people in the result: {others}; taken: {chosen.id} ({person})")
    return chosen, who


def _area(track: Track) -> float:
    """Mean size in the image, in whatever unit the tool's files share."""
    if track.boxes is not None:
        return float(np.mean(track.boxes[:, 2] * track.boxes[:, 3]))
    if track.weak is not None:
        return float(np.mean(track.weak.scale**2))
    if track.camera is not None:
        return float(np.mean(1.0 / np.maximum(track.camera.transl[:, 2], 0.1) ** 2))
    if track.world is not None and track.world.R is not None and track.world.t is not None:
        depth = (track.world.R[:, 2] * track.world.root.transl).sum(-1) + track.world.t[:, 2]
        return float(np.mean(1.0 / np.maximum(depth, 0.1) ** 2))
    return 1.0


def rows_of(track: Track, clip: Clip, where: object) -> tuple[np.ndarray, np.ndarray]:
    """Row of the track for each frame of the clip, and whether there is one.

    With a video the clip's frames are picked by their numbers in it; without one the counts must match. Raises
    BadInput naming both counts.
    """
    wanted = source_frames(clip)
    if clip.video is not None:
        _same_video(track, clip, int(wanted.max()) + 1, where)
    else:
        have = track.total if track.total is not None else int(track.frames.max()) + 1
        if have > clip.num_frames or (track.total is not None and have != clip.num_frames):
            raise BadInput(where, "frames", f"the result covers {have} frames, the clip has {clip.num_frames}")
    rows, found = rows_at(track.frames, wanted)
    if not found.any():
        span = f"{track.frames.min()} to {track.frames.max()}"
        raise BadInput(where, "frames", f"person {track.id} is in frames {span}; none of them is in the clip")
    return rows, found


def _same_video(track: Track, clip: Clip, last: int, where: object) -> None:
    """Compare counts with the video's own. Raises BadInput naming both."""
    assert clip.video is not None
    name, source = clip.video.path.name, clip.video.length
    if track.total is not None and last > track.total:
        problem = f"the result covers {track.total} frames, the clip reaches frame {last} of {name}"
        raise BadInput(where, "frames", problem + ": they are not of the same video, or one is cut")
    if source is None:
        return
    covers = track.total if track.total is not None else int(track.frames.max()) + 1
    if covers > source + SLACK:
        raise BadInput(where, "frames", f"the result covers {covers} frames, {name} has {source}: not the same video?")
    if track.total is not None and abs(covers - source) > 0:
        _log.warning(f"{where}: the result covers {covers} frames, {name} has {source}; they are matched by number")


def body_of(
    tracks: Sequence[Track],
    clip: Clip,
    smpl: Path | None = None,
    camera: CameraTrajectory | None = None,
    where: object = None,
) -> CameraFrameBody:
    """The wanted person of the clip, in its cameras' frames; float32.

    ``smpl``: the user's model file, for the exact pelvis. ``camera``: the clip's cameras, whose focal length places a
    body that is known in weak perspective. ``where``: what errors name, the result file. Frames without the person
    are filled from their neighbours and listed in ``facts["filled"]``. Raises BadInput.
    """
    where = where if where is not None else (clip.path or clip.name)
    if not tracks:
        raise BadInput(where, "people", "the result holds no person")
    track, who = choose(tracks, clip.person)
    rows, found = rows_of(track, clip, where)
    rest = rest_joints(track.betas_of, smpl, notify=not _pelvis_given(track))
    placed = in_camera(track, clip, rest, rows, camera)
    behind = placed.pelvis[found][:, 2] <= 0
    if behind.mean() > 0.5:
        raise BadInput(where, "translation", f"the pelvis is behind the camera in {int(behind.sum())} frames")
    found = found & (placed.pelvis[:, 2] > 0)
    filled = np.flatnonzero(~found).tolist()
    if filled:
        _log.warning(f"person {track.id} is absent in {len(filled)} of {len(found)} frames; filled from neighbours")
    facts = {"tool": track.tool, "person": who, "filled": filled, "pelvis_from": rest.source, **placed.facts}
    facts.update(track.facts)
    return _filled(track, placed, rows, found, facts)


def _pelvis_given(track: Track) -> bool:
    root = track.camera or (track.world.root if track.world and not track.weak else None)
    return root is not None and root.is_pelvis


def _filled(
    track: Track, placed: Placed, rows: np.ndarray, found: np.ndarray, facts: dict[str, Any]
) -> CameraFrameBody:
    valid = torch.from_numpy(found)

    def tensor(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).float()

    return CameraFrameBody(
        global_orient=fill_rotations(tensor(placed.orient), valid),
        body_pose=fill_rotations(tensor(track.body_pose[rows]), valid),
        transl=fill_linear(tensor(placed.pelvis), valid),
        betas=tensor(track.betas[rows][found].mean(0)),
        betas_of=track.betas_of,
        poses_from="regressor",
        facts=facts,
    )
