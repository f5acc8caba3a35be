"""What the tracks of a clip say, before any camera is chosen."""

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
    """Tracks that are fit for use; ``points`` a frame, in the median; facts on how they came about."""

    tracks: Tracks
    points: float
    facts: dict[str, Any]


@dataclass(frozen=True)
class Stillness:
    """Px at 960: ``flow`` that 95 % of the pairs of frames stay below, ``drift`` of the fitted turn over the clip."""

    flow: float
    drift: float

    def facts(self) -> dict[str, float]:
        return {"flow_px": round(self.flow, 3), "drift_px": round(self.drift, 3)}


def look(clip: Clip, observations: Observations, settings: Following) -> Seen:
    """Track the background; says so where the picture breaks off. Raises BadInput where there are no images."""
    if clip.video is None:
        problem = "the clip holds no images to find the camera in; --camera given, static or droid=FILE"
        raise BadInput(clip.path or clip.name, "video", problem)
    raw = follow(clip, observations, settings)
    tracks, overlays = without_overlays(long_enough(raw, min(3, clip.num_frames)))
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
        _log.warning("camera: people and black borders cover %s of the picture; little is left to go by", share)
    if raw.breaks:
        _log.warning(
            "camera: the picture breaks off at frame %s (a cut?): no point can be followed across, so how the camera "
            "moved there is unknown; use --frames to choose one shot",
            ", ".join(map(str, raw.breaks[:5])) + (" ..." if len(raw.breaks) > 5 else ""),
        )  # fmt: skip
    return Seen(tracks, points, facts)


def require(seen: Seen, clip: Clip) -> None:
    """Raises BadInput where a frame of several has, in the median, fewer than 30 points."""
    if seen.points < _FEWEST and clip.num_frames > 1:
        raise BadInput(
            clip.path or clip.name, "video",
            f"{seen.points:.0f} points per frame can be followed on the background (at least {_FEWEST} are needed; "
            f"people and black borders cover {seen.tracks.masked.mean():.0%}): the picture is empty, blurred or "
            "covered. Try --camera static (if it stands still), --camera colmap or --camera droid=FILE",
        )  # fmt: skip


def stillness(tracks: Tracks, fps: float, focal: float) -> Stillness:
    """How far the background moves, over a second and over as many frames as tracks last."""
    if tracks.num_frames < 2:
        return Stillness(0.0, 0.0)
    flows = [windows(tracks, gap).flow() for gap in {round(fps), tracks.num_frames - 1}]
    flow = float(np.quantile(np.concatenate(flows), 0.95)) / tracks.unit if any(map(len, flows)) else np.inf
    path = rotation_path(tracks, focal)
    cosine = ((np.trace(path.R, axis1=1, axis2=2) - 1) / 2).clip(-1, 1)
    turn = path.R[:, :, 2] - np.array([0.0, 0.0, 1.0])  # how far the optical axis goes, and the roll from the trace
    drift = max(
        float(np.linalg.norm(turn, axis=-1).max()) * focal, float(np.arccos(cosine).max()) * min(tracks.size) / 4
    )
    return Stillness(flow, drift / tracks.unit)
