"""Measurements on the background tracks, made before a camera model is chosen."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from diffopt_core.errors import BadInput
from diffopt_core.types import Clip, Observations

from .rotation import rotation_path, windows
from .tracks import Following, Tracks, follow
from .tracks.mask import PersonMask
from .tracks.table import long_enough, without_overlays

_log = logging.getLogger(__name__)
_FEWEST = 30


@dataclass(frozen=True)
class Seen:
    """Usable tracks; ``every``: with those that stand still while the rest moves; ``points``: median number per frame;
    facts about the tracking."""

    tracks: Tracks
    every: Tracks
    points: float
    facts: dict[str, Any]


@dataclass(frozen=True)
class Stillness:
    """Px at 960. ``flow``: 95th percentile over pairs of frames; ``drift``: of the fitted rotation over the clip."""

    flow: float
    drift: float

    def facts(self) -> dict[str, float]:
        return {"flow_px": round(self.flow, 3), "drift_px": round(self.drift, 3)}


def look(clip: Clip, observations: Observations, settings: Following) -> Seen:
    """Track the background; warns about cuts. Raises BadInput if the clip has no images."""
    if clip.video is None:
        problem = "the clip has no images to estimate the camera from; use --camera given, static or droid=FILE"
        raise BadInput(clip.path or clip.name, "video", problem)
    raw = follow(clip, observations, settings)
    every = long_enough(raw, min(3, clip.num_frames))
    tracks, overlays = without_overlays(every)
    masked = float(tracks.masked.mean())
    points = float(np.median(tracks.per_frame()))
    facts = {
        "tracks": len(np.unique(tracks.track)),
        "points_per_frame": points,
        "masks": PersonMask(observations, clip.size).source,
        "masked_share": round(masked, 3),
        "overlay_points": overlays,
        "breaks": list(raw.breaks),
    }
    if masked > 0.6:
        share = f"{masked:.0%}"
        _log.warning(
            "camera: people and black borders cover %s of the image; little background is left to track", share
        )
    if raw.breaks:
        _log.warning(
            "camera: no point can be tracked across frame %s (a cut?), so the "
            "camera motion there is unknown; use --frames to choose one shot",
            ", ".join(map(str, raw.breaks[:5])) + (" ..." if len(raw.breaks) > 5 else ""),
        )  # fmt: skip
    return Seen(tracks, every, points, facts)


def require(seen: Seen, clip: Clip) -> None:
    """Raises BadInput for a clip of several frames with a median of fewer than 30 points per frame."""
    if seen.points < _FEWEST and clip.num_frames > 1:
        raise BadInput(
            clip.path or clip.name, "video",
            f"{seen.points:.0f} points per frame can be tracked on the background (at least {_FEWEST} are needed; "
            f"people and black borders cover {seen.tracks.masked.mean():.0%}): "
            "the background is empty, blurred or covered. Try --camera static "
            "(if it stands still), --camera colmap or --camera droid=FILE",
        )  # fmt: skip


def stillness(tracks: Tracks, fps: float, focal: float) -> Stillness:
    """How far the background moves, over one second and over as many frames as the tracks last."""
    if tracks.num_frames < 2:
        return Stillness(0.0, 0.0)
    flows = [windows(tracks, gap).flow() for gap in {round(fps), tracks.num_frames - 1}]
    flow = float(np.quantile(np.concatenate(flows), 0.95)) / tracks.unit if any(map(len, flows)) else np.inf
    path = rotation_path(tracks, focal)
    cosine = ((np.trace(path.R, axis1=1, axis2=2) - 1) / 2).clip(-1, 1)
    turn = path.R[:, :, 2] - np.array([0.0, 0.0, 1.0])  # direction of the optical axis; the roll comes from the trace
    drift = max(
        float(np.linalg.norm(turn, axis=-1).max()) * focal, float(np.arccos(cosine).max()) * min(tracks.size) / 4
    )
    return Stillness(flow, drift / tracks.unit)
