"""Camera sources ``droid``, ``wham`` and others: cameras from a file or from DROID-SLAM, for the frames of the clip."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from diffopt_core.data.window import travel_of
from diffopt_core.errors import BadInput
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import CameraTrajectory, Clip, Observations, as_float
from diffopt_formats.frames import Rows, Source, place, source_of
from diffopt_formats.poses import invert
from diffopt_formats.systems import Said, read_cameras
from diffopt_formats.tracks import Cameras

from ..configs import DroidConfig, FileCameraConfig
from .between import Between, between, jumps
from .intrinsics import intrinsics

_log = logging.getLogger(__name__)


class FileCamera:
    """Implements :class:`diffopt_core.interfaces.CameraSource`: cameras read from a file."""

    def __init__(self, config: FileCameraConfig, ctx: BuildContext):
        self._config = config

    def trajectory(self, clip: Clip, observations: Observations) -> CameraTrajectory:
        """World to camera, in the world and scale of the file.

        ``filled``: frames of the clip without a pose of their own. ``travel``: whether the camera moves. ``facts``:
        ``source``, ``file``, ``format``, ``direction``, ``poses``, ``focal_from``, ``held`` (frames outside the poses),
        ``jumps`` (frames of the clip at which the pose jumps), ``static``, ``keyframes_only``. Raises BadInput for a
        bad file, MissingResource if none was given.
        """
        config = self._config
        said = Said(clip.size, config.form, config.quaternion, config.direction, clip.person)
        saved = read_cameras(config.named_file(), said)
        source = source_of(clip)
        base = None if saved.names is not None else 0
        rows = Rows(saved.path, len(saved), saved.names, saved.seconds, saved.numbers, base, saved.keyframes, "poses")
        return _on_clip(clip, saved, source, place(rows, source, config.stride, config.first), {})


class DroidCamera:
    """Implements :class:`diffopt_core.interfaces.CameraSource`: cameras from a file, or from DROID-SLAM."""

    def __init__(self, config: DroidConfig, ctx: BuildContext):
        self._config, self._env, self._ctx = config, config.env or ctx.env, ctx

    def trajectory(self, clip: Clip, observations: Observations) -> CameraTrajectory:
        """As :meth:`FileCamera.trajectory`; without a file, DROID-SLAM's, in its first camera's frame.

        Raises BadInput for a bad file, MissingResource if DROID-SLAM cannot run.
        """
        if self._config.file is not None:
            return FileCamera(self._config, self._ctx).trajectory(clip, observations)
        from .running import run_droid

        saved, source, more = run_droid(self._config, self._env, clip, observations)
        return _on_clip(clip, saved, source, np.arange(clip.num_frames), more)


def _on_clip(clip: Clip, saved: Cameras, source: Source, numbers: np.ndarray, more: dict[str, Any]) -> CameraTrajectory:
    places = between(numbers, saved.solved, source.wanted)
    if places.outside.all():
        known = numbers[saved.solved]
        raise BadInput(
            saved.path, "poses",
            f"no pose inside the clip: the file has frames {known[0]} to {known[-1]}, "
            f"the clip has frames {source.wanted[0]} to {source.wanted[-1]}",
        )  # fmt: skip
    focal, centre, focal_from, others = intrinsics(clip, saved, places)
    # interpolate camera centres, not t, which also depends on the rotation
    R = places.rotations(saved.R)
    _, place = invert(saved.R, saved.t)
    t = -np.einsum("tij,tj->ti", R, places.linear(place))
    leaps = _jumps(saved, place, numbers, source)
    notes = [*saved.notes, *others, *_remarks(clip, saved, places, leaps)]
    for note in notes:
        _log.warning("%s", note)
    facts = {
        "source": f"{saved.format} file", "file": str(saved.path), "format": saved.format,
        "direction": saved.direction,
        "poses": int(saved.solved.sum()), "keyframes_only": saved.keyframes, "static": saved.static,
        "focal_from": focal_from, "held": np.flatnonzero(places.outside).tolist(), "jumps": leaps, "notes": notes,
        **more,
    }  # fmt: skip
    turns, path = as_float(R), as_float(t)
    return CameraTrajectory(
        turns, path, as_float(focal), as_float(centre), saved.unit, saved.level,
        travel_of(turns, path), torch.from_numpy(~places.exact), facts=facts,
    )  # fmt: skip


def _jumps(saved: Cameras, place: np.ndarray, numbers: np.ndarray, source: Source) -> list[int]:
    """Frames of the clip at which the camera has jumped since the frame before."""
    found = jumps(saved.R[saved.solved], place[saved.solved], numbers[saved.solved])
    found = found[(found > source.wanted[0]) & (found <= source.wanted[-1])]
    return np.unique(np.searchsorted(source.wanted, found)).tolist()


def _remarks(clip: Clip, saved: Cameras, places: Between, leaps: list[int]) -> list[str]:
    remarks = []
    missing, held = int((~places.exact).sum()), int(places.outside.sum())
    if missing:
        between_them = missing - held
        parts = [f"{between_them} between poses were interpolated"] if between_them else []
        parts += [f"{held} outside the poses take the nearest one"] if held else []
        kind = "the file has only keyframes" if saved.keyframes else "the file has no pose for them"
        remarks.append(f"{saved.path}: {missing} of {clip.num_frames} frames: {kind}; {', '.join(parts)}")
    if leaps:
        shown = ", ".join(map(str, leaps[:8])) + (", ..." if len(leaps) > 8 else "")
        remarks.append(f"{saved.path}: the camera pose jumps at frame {shown} of the clip; it was not changed")
    return remarks
