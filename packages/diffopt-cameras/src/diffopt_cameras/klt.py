"""Choose the camera model that fits the tracks; report the reason if none does."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from diffopt_core.errors import BadInput
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import CameraTrajectory, Clip, Observations, Travel, Unit

from .assemble import assemble, standing
from .configs import KltConfig
from .evidence import Seen, look, require, stillness
from .focal import choose
from .lines import find_lines
from .odometry import Odometry, odometry
from .rotation import RotationEvidence, rotation_evidence, rotation_path, windows
from .scale import in_rough_metres
from .tracks import Following, Tracks
from .upright import upright
from .witness import LEAST, MOST_ASTRAY, astray, parts
from .zoom import LEAST as LEAST_ZOOM
from .zoom import unzoomed, zoom_path

_log = logging.getLogger(__name__)
#: Minima for a moving camera: degrees between the rays of the first two views, share of registered frames.
_PARALLAX, _REGISTERED = 1.0, 0.5
#: Share of these that a zoom may leave.
_ZOOM_LEAVES = 0.25
#: Why a path of unknown travel is not trusted.
_NO_MODEL = "no model explains how the images move; only its turning is used, not its travel"
#: Least share of solved frames of a camera that is trusted.
_SOLVED = 0.8


class KltCamera:
    """Implements :class:`diffopt_core.interfaces.CameraSource`."""

    def __init__(self, config: KltConfig, ctx: BuildContext):
        self._config, self._ctx = config, ctx

    def trajectory(self, clip: Clip, observations: Observations) -> CameraTrajectory:
        """World to camera in the first camera's frame. The unit is the metre if the camera does not travel (t is 0).
        The path of a moving camera is in approximate metres estimated from the person (``facts["scale_from"]``), or has
        an arbitrary scale. If no model fits, ``travel`` is unknown and ``trusted`` false.

        ``facts``: ``model``, the measurements for each candidate, ``rejected`` with reasons, ``focal_from``. Raises
        BadInput if there is no model at all, or if the requested model does not fit.
        """
        config = self._config
        seen = look(clip, observations, Following(config.points, config.longest))
        require(seen, clip)
        return _Choice(config, self._ctx, clip, observations, seen).made()


@dataclass
class _Choice:
    """Tries the models on one clip."""

    config: KltConfig
    ctx: BuildContext
    clip: Clip
    observations: Observations
    seen: Seen
    rejected: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    worst_flow: float = np.inf  # px at 960: what a standing camera, and a turning one, leave
    worst_turn: float = np.inf
    astray: float = 0.0  # share of the background that moves in another way than the camera turns
    doubtful: bool = False  # parts of the background move in different ways, and nothing tells which is the ground

    def made(self) -> CameraTrajectory:
        mapper = self.config.mapper
        self.facts = {"source": "klt", "mapper": mapper, "tracks": self.seen.facts}
        self.parts = parts(self.seen.every, self.observations, self.clip.fps)
        size = self.clip.size
        lines = find_lines(self.clip, self.observations)
        self.lines = [one.only(self.parts.ground(one.ends.mean(1) + np.array(size) / 2, size)) for one in lines]
        self._weigh(self.seen.tracks)
        steps = {
            "static": self._static,
            "rotation": self._rotation,
            "zoom": self._zoom,
            "odometry": self._odometry,
            "colmap": self._colmap,
        }
        chosen = {
            "auto": ("static", "rotation", "zoom", "odometry"),
            "colmap": ("static", "rotation", "zoom", "colmap", "odometry"),
        }.get(mapper, (mapper,))
        for name in chosen:
            found = steps[name]()
            if found is not None:
                return found
        if len(chosen) == 1:
            raise BadInput(
                self.clip.path or self.clip.name, "camera",
                f"mapper {mapper} does not fit the images: {self.rejected[mapper]}; "
                "--set camera.mapper=auto chooses a model, or change the thresholds",
            )  # fmt: skip
        return self._last_resort()

    def _weigh(self, tracks: Tracks, zoom: np.ndarray | None = None) -> None:
        """The focal length by all that is known of it."""
        self.focal, calibration = choose(self.clip, self.observations, self.lines, tracks, self.ctx.seed, zoom)
        self.facts["focal"] = self.focal.facts()
        if calibration:
            self.facts["calibration"] = calibration

    # the models

    def _static(self) -> CameraTrajectory | None:
        found = stillness(self.seen.tracks, self.clip.fps, self.focal.pixels)
        self.facts["static"] = found.facts()
        worst = self.worst_flow = max(found.flow, found.drift)
        R, t = standing(self.clip.num_frames)
        if worst <= self.config.still:
            _log.warning("camera: static (the background moves by %.2f px at 960)", worst)
            return self._done("static", R, t, np.ones(len(R), bool), "stands")
        self.rejected["static"] = f"the background moves by {worst:.1f} px, more than {self.config.still}"
        found_parts = self.parts
        self.facts["static"] |= found_parts.facts()
        if not found_parts.stands:
            self.doubtful = found_parts.still > LEAST and not found_parts.seen
            return None
        _log.warning(
            "camera: static: %.0f %% of the background stands still%s; the rest moves by itself (a screen, traffic, a "
            "picture in the picture?)", 100 * found_parts.still, ", as the feet do" if found_parts.seen else "",
        )  # fmt: skip
        return self._done("static", R, t, np.ones(len(R), bool), "stands")

    def _zoom(self) -> CameraTrajectory | None:
        """A lens that zooms, on a camera that stands or turns."""
        zoom = zoom_path(self.seen.tracks)
        if zoom is None or zoom.max() < LEAST_ZOOM:
            self.rejected["zoom"] = "the image does not become larger or smaller as a whole"
            return None
        plain = unzoomed(self.seen.tracks, zoom)
        self._weigh(plain, zoom)
        evidence = [item for _, item in self._turning(plain)]
        still = stillness(plain, self.clip.fps, self.focal.pixels)
        worst, left = max(still.flow, still.drift), max(item.residual for item in evidence)
        self.facts["zoom"] = {
            "from": round(float(zoom[0]), 4), "to": round(float(zoom[-1]), 4), "most": round(float(zoom.max()), 4),
            "residual_px": round(left, 3), "drift_px": round(worst, 3),
        }  # fmt: skip
        # a crop that grows is rounded to pixels, so a standing one is less steady
        stands = worst < min(5 * self.config.still, _ZOOM_LEAVES * self.worst_flow)
        most = min(max(self.config.small, 0.1 * self.worst_turn), _ZOOM_LEAVES * self.worst_turn)
        turns = min(item.explained for item in evidence) >= 0.9 and left < most
        if not stands and not turns:
            self.rejected["zoom"] = f"a zoom of {zoom.max():.2f} and a rotation leave {left:.1f} px"
            return None
        path = rotation_path(plain, self.focal.pixels)
        R = standing(self.clip.num_frames)[0] if stands else path.R
        _log.warning("camera: %s, its lens zooms by a factor of %.2f", "static" if stands else "rotation", zoom.max())
        solved = np.ones(len(R), bool) if stands else path.solved
        return self._done("zoom", R, np.zeros((len(R), 3)), solved, "stands" if stands else "turns", zoom=zoom)

    def _turning(self, tracks: Tracks) -> list[tuple[str, RotationEvidence]]:
        """How well a rotation explains the tracks, over 1 and 3 seconds."""
        pairs = ((f"{seconds}s", windows(tracks, round(seconds * self.clip.fps))) for seconds in (1, 3))
        return [(over, rotation_evidence(tracks, some, self.focal.pixels, self.config.small)) for over, some in pairs]

    def _rotation(self) -> CameraTrajectory | None:
        tracks, evidence = self.seen.tracks, dict(self._turning(self.seen.tracks))
        self.worst_turn = max(item.residual for item in evidence.values())
        self.facts["rotation"] = {over: item.facts() for over, item in evidence.items()}
        for over, item in evidence.items():
            if item.explained < 0.9:
                self.rejected["rotation"] = (
                    f"a rotation leaves {item.residual:.1f} of {item.flow:.1f} px over {over} (explains "
                    f"{item.explained:.0%} of the pairs of frames)"
                )
                return None
        path = rotation_path(tracks, self.focal.pixels)
        self.astray = astray(tracks, path.R, self.focal.pixels, self.clip.fps)
        self.facts["rotation"] |= {"astray": round(self.astray, 3)}
        return self._done("rotation", path.R, np.zeros((len(path.R), 3)), path.solved, "turns")

    def _odometry(self) -> CameraTrajectory | None:
        found = odometry(self.seen.tracks, self.focal.pixels, self.ctx.seed)
        return self._moving("odometry", found, "no two frames have enough parallax")

    def _colmap(self) -> CameraTrajectory | None:
        from .colmap.on_tracks import map_tracks

        mapped = map_tracks(self.seen.tracks, self.focal.pixels, self.ctx.seed)
        return self._moving("colmap", mapped and mapped[0], "it found no model")

    def _moving(self, model: str, found: Odometry | None, nothing: str) -> CameraTrajectory | None:
        if found is None:
            self._reject(model, nothing)
            return None
        self.facts[model] = found.evidence.facts()
        if weak := self._weak(found):
            self._reject(model, weak)
            return None
        return self._travelled(model, found)

    def _travelled(self, model: str, found: Odometry) -> CameraTrajectory:
        t, unit, scale = in_rough_metres(self.clip, self.observations, self.seen.tracks, found, self.focal.pixels)
        self.facts |= scale
        return self._done(model, found.R, t, found.solved, "travels", unit)

    def _weak(self, found: Odometry) -> str:
        """Why the moving camera is not trusted; empty if it is."""
        config, evidence = self.config, found.evidence
        first = np.degrees(evidence.first_angle)
        reasons = [
            (
                evidence.points < config.fewest_points,
                f"{evidence.points} points, at least {config.fewest_points} needed",
            ),
            (first < _PARALLAX, f"a parallax of {first:.2f} degrees, at least {_PARALLAX:g} needed"),
            (
                evidence.residual > config.residual,
                f"reprojection error {evidence.residual:.2f} px, at most {config.residual:g} allowed",
            ),
            (
                evidence.registered < _REGISTERED,
                f"{evidence.registered:.0%} of the frames registered, at least {_REGISTERED:.0%} needed",
            ),
        ]
        return "; ".join(text for failed, text in reasons if failed)

    def _reject(self, name: str, why: str) -> None:
        self.rejected[name] = why
        if self.config.mapper in ("auto", "colmap"):
            _log.warning("camera: %s rejected: %s", name, why)

    def _last_resort(self) -> CameraTrajectory:
        """No model explains the flow: use the rotation alone, with a warning; raise if there is no rotation either."""
        path = rotation_path(self.seen.tracks, self.focal.pixels)
        remedies = "try --camera colmap, --camera droid=FILE or --set camera.mapper=..."
        if path.solved.mean() < 0.5:
            why = "; ".join(f"{name}: {text}" for name, text in self.rejected.items())
            raise BadInput(self.clip.path or self.clip.name, "camera", f"no camera found ({why}); {remedies}")
        _log.warning("camera: %s, which will appear as motion of the person; %s", _NO_MODEL, remedies)
        return self._done("rotation", path.R, np.zeros((len(path.R), 3)), path.solved, "unknown", "arbitrary")

    def _done(
        self, model: str, R: np.ndarray, t: np.ndarray, solved: np.ndarray, travel: Travel, unit: Unit = "metre",
        zoom: np.ndarray | None = None,
    ) -> CameraTrajectory:  # fmt: skip
        if not self.focal.sure:
            _log.warning("camera: focal length %s; --focal sets it", self.focal.said)
        if not solved.all():
            _log.warning(
                "camera: %d of %d frames could not be solved and were interpolated", (~solved).sum(), len(solved)
            )
        facts = {**self.facts, "model": model, "rejected": self.rejected}
        why = self._doubts(model, solved)
        if why:
            _log.warning("camera: not trusted: %s", "; ".join(why))
        if travel == "unknown":
            why = [_NO_MODEL, *why]
        if why:
            facts["not_trusted"] = why
        focal = self.focal.pixels * (np.ones(len(R)) if zoom is None else zoom)
        lines = upright(self.lines, self.observations, R, focal, self.focal.spread or 0.0)
        return assemble(self.clip, R, t, solved, self.focal, travel, facts, unit, zoom, not why, lines)

    def _doubts(self, model: str, solved: np.ndarray) -> list[str]:
        """Why a path that fits is not to be trusted."""
        breaks, why = self.seen.tracks.breaks or self.seen.facts["breaks"], []
        if breaks and model != "static":
            why.append(f"nothing could be followed across frame {breaks[0]}")
        if solved.mean() < _SOLVED:
            why.append(f"{solved.mean():.0%} of the frames are solved")
        if model == "rotation" and self.astray > MOST_ASTRAY:
            why.append(
                f"{self.astray:.0%} of the background moves in another way than this turn: one of both is a thing"
            )
        if self.doubtful and model in ("odometry", "colmap"):
            why.append("a large part of the background stands still while the rest moves, and no foot is seen")
        return why
