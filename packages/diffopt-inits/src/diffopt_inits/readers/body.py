"""From a result file to the body of a clip: person, frames, and pelvis in the camera frame."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffopt_core.data.fill import fill_linear, fill_rotations
from diffopt_core.errors import BadInput, UnknownName
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import CameraFrameBody, CameraTrajectory, Clip, Observations, as_float
from diffopt_formats.frames import Rows, covered, rows_at, source_of
from diffopt_formats.pelvis import RestJoints, rest_joints
from diffopt_formats.systems import read_tracks
from diffopt_formats.tracks import Track
from diffopt_formats.worlds import Placed, pelvis_of, turned

from .configs import ResultConfig

_log = logging.getLogger(__name__)


class ResultInitializer:
    """Implements :class:`diffopt_core.interfaces.Initializer`. The file is read once, on first use."""

    def __init__(self, config: ResultConfig, ctx: BuildContext | None = None):
        self._system, self._file, self._smpl = config.name, config.named_file().expanduser(), config.smpl

    def initialize(self, clip: Clip, observations: Observations, camera: CameraTrajectory) -> CameraFrameBody:
        """The chosen person in the camera frame; see :func:`body_of`."""
        body = body_of(read_tracks(self._file, self._system), clip, self._smpl, camera, self._file)
        return replace(body, facts={"file": str(self._file), **body.facts})


def choose(tracks: Sequence[Track], person: str) -> tuple[Track, dict[str, Any]]:
    """Choose a person: ``largest`` (in the image; without boxes by scale or depth), ``longest``, or a track's id.
    Returns the track and facts about the choice. Raises UnknownName for an unknown id."""
    if person == "longest":
        chosen = max(tracks, key=lambda track: len(track.frames))
    elif person == "largest":
        # weighted by the number of frames
        chosen = max(tracks, key=lambda track: _area(track) * len(track.frames))
    else:
        known = {track.id: track for track in tracks}
        plain = {track.id.lstrip("0") or "0": track for track in tracks}  # folder names have leading zeros
        if person not in known and person not in plain:
            raise UnknownName("person", person, known)
        chosen = known.get(person) or plain[person]
    who = {"id": chosen.id, "by": person, "among": {track.id: len(track.frames) for track in tracks}}
    if len(tracks) > 1 and person in ("largest", "longest"):
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


def rows_of(track: Track, clip: Clip, where: object) -> tuple[np.ndarray, np.ndarray, str | None]:
    """Row of the track for each frame of the clip, mask of frames with a row, and a note about their counts.

    With a video, rows are matched by frame numbers; without one the counts must match. Raises BadInput naming both
    counts.
    """
    source = source_of(clip)
    last = int(track.frames.max())
    remark = covered(Rows(Path(str(where)), len(track.frames), option="input"), last, track.total, source)
    rows, found = rows_at(track.frames, source.wanted)
    if not found.any():
        span = f"{track.frames.min()} to {last}"
        raise BadInput(where, "frames", f"person {track.id} is in frames {span}; none of them is in the clip")
    return rows, found, remark


def in_camera(
    track: Track, clip: Clip, rest: RestJoints, rows: np.ndarray, camera: CameraTrajectory | None = None
) -> Placed:
    """Root and pelvis in the camera frame, for the clip's frames (``rows`` of the track).

    The translation depends on the focal length. If the clip's camera has another one than the tool, the depth is scaled
    accordingly, which keeps the size in the image.
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
    # rotate the pelvis, not transl, which is not a point of the body
    pelvis = turned(R, pelvis_of(root, track.betas, rest)) + t
    return _other_focal(track, Placed((R @ root.orient)[rows], pelvis[rows]), clip, camera)


def focal_of(track: Track, clip: Clip, camera: CameraTrajectory | None) -> tuple[np.ndarray, str]:
    """Focal length in px for each frame of the clip, and its source: the camera, the clip, the file, or (with a
    warning) half the sum of width and height."""
    if camera is not None:
        return camera.focal.detach().cpu().double().numpy().mean(-1), str(camera.facts.get("focal_from", "the camera"))
    if clip.focal is not None:
        return np.full(clip.num_frames, clip.focal), clip.focal_from or "the clip"
    if track.focal is not None:
        return np.full(clip.num_frames, track.focal * _enlarged(track, clip)), f"{track.tool}'s file"
    guess = 0.5 * sum(clip.size)
    _log.warning(f"the focal length is unknown; assuming {guess:g} px (half of width plus height); set it with --focal")
    return np.full(clip.num_frames, guess), "assumed: half of width plus height"


def _from_weak(track: Track, clip: Clip, rest: RestJoints, rows: np.ndarray, camera: CameraTrajectory | None) -> Placed:
    assert track.weak is not None and track.orient is not None
    enlarged = _enlarged(track, clip)
    focal, source = focal_of(track, clip, camera)
    width, height = clip.size
    scale, offset = track.weak.scale[rows], track.weak.offset[rows]
    scale = scale * width / 2 if track.weak.normalised else scale * enlarged
    if camera is not None:  # the tool's coordinates are relative to the image centre
        centre = camera.centre.detach().cpu().double().numpy()
        offset = offset + (np.array([width, height]) / 2 - centre) / scale[:, None]
    transl = np.concatenate([offset, (focal / scale)[:, None]], 1)
    return Placed(track.orient[rows], transl + rest.pelvis(track.betas[rows]), {"focal_from": source})


def _enlarged(track: Track, clip: Clip) -> float:
    """Size of the clip's images relative to the tool's. Raises BadInput if the aspect ratios differ."""
    if track.size is None or min(clip.size) <= 0:
        return 1.0
    ratio = np.array(clip.size) / np.array(track.size)
    if abs(ratio[0] / ratio[1] - 1) > 0.02:
        made, have = (f"{w} x {h}" for w, h in (track.size, clip.size))
        raise BadInput(
            clip.path or clip.name, "size", f"{track.tool}'s images were {made} px; expected {have} px, as the clip's"
        )
    return float(ratio[0])


def _other_focal(track: Track, placed: Placed, clip: Clip, camera: CameraTrajectory | None) -> Placed:
    enlarged = _enlarged(track, clip)
    if track.focal is None:
        return Placed(placed.orient, placed.pelvis, {"focal_from": "not in the file; the depth is unchanged"})
    if camera is None and clip.focal is None:
        return Placed(placed.orient, placed.pelvis, {"focal_from": f"{track.tool}'s file"})
    focal, source = focal_of(track, clip, camera)
    ratio = focal / (track.focal * enlarged)
    if np.abs(ratio - 1).max() < 0.01:
        return Placed(placed.orient, placed.pelvis, {"focal_from": source})
    _log.warning(
        f"{track.tool} used a focal length of {track.focal * enlarged:.0f} px, the clip's is {np.median(focal):.0f} px;"
        f" the depth is scaled by {np.median(ratio):.3f}"
    )
    pelvis = placed.pelvis * np.stack([np.ones_like(ratio), np.ones_like(ratio), ratio], -1)
    return Placed(placed.orient, pelvis, {"focal_from": source, "depth_scaled": float(np.median(ratio))})


def body_of(
    tracks: Sequence[Track],
    clip: Clip,
    smpl: Path | None = None,
    camera: CameraTrajectory | None = None,
    where: object = None,
) -> CameraFrameBody:
    """The chosen person of the clip, in the camera frames; float32.

    ``smpl``: the user's model file, for the exact pelvis. ``camera``: the clip's cameras, whose focal length converts
    weak perspective to a translation. ``where``: the result file, for errors. Frames without the person are
    interpolated and listed in ``facts["filled"]``. Raises BadInput.
    """
    where = where if where is not None else (clip.path or clip.name)
    if not tracks:
        raise BadInput(where, "people", "the result has no person")
    track, who = choose(tracks, clip.person)
    rows, found, remark = rows_of(track, clip, where)
    if remark:
        _log.warning(f"{where}: person {track.id} {remark}")
    rest = rest_joints(track.betas_of, smpl, notify=not _pelvis_given(track))
    placed = in_camera(track, clip, rest, rows, camera)
    behind = placed.pelvis[found][:, 2] <= 0
    if behind.mean() > 0.5:
        raise BadInput(where, "translation", f"the pelvis is behind the camera in {int(behind.sum())} frames")
    found = found & (placed.pelvis[:, 2] > 0)
    filled = np.flatnonzero(~found).tolist()
    if filled:
        _log.warning(f"person {track.id} is absent in {len(filled)} of {len(found)} frames; these are interpolated")
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
    return CameraFrameBody(
        global_orient=fill_rotations(as_float(placed.orient), valid),
        body_pose=fill_rotations(as_float(track.body_pose[rows]), valid),
        transl=fill_linear(as_float(placed.pelvis), valid),
        betas=as_float(track.betas[rows][found].mean(0)),
        betas_of=track.betas_of,
        poses_from="regressor",
        facts=facts,
    )
