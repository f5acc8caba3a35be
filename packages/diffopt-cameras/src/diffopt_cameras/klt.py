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
from .odometry import Odometry, odometry
from .rotation import rotation_evidence, rotation_path, windows
from .scale import in_rough_metres
from .tracks import Following

_log = logging.getLogger(__name__)
#: Minima for a moving camera: degrees between the rays of the first two views, share of registered frames.
_PARALLAX, _REGISTERED = 1.0, 0.5


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

    def made(self) -> CameraTrajectory:
        mapper = self.config.mapper
        self.facts = {"source": "klt", "mapper": mapper, "tracks": self.seen.facts}
        self.focal, calibration = choose(self.clip, self.seen.tracks, self.ctx.seed)
        if calibration:
            self.facts["calibration"] = calibration
        steps = {
            "static": self._static,
            "rotation": self._rotation,
            "odometry": self._odometry,
            "colmap": self._colmap,
        }
        chosen = {
            "auto": ("static", "rotation", "odometry"),
            "colmap": ("static", "rotation", "colmap", "odometry"),
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

    # the models

    def _static(self) -> CameraTrajectory | None:
        found = stillness(self.seen.tracks, self.clip.fps, self.focal.pixels)
        self.facts["static"] = found.facts()
        worst = max(found.flow, found.drift)
        if worst > self.config.still:
            self.rejected["static"] = f"the background moves by {worst:.1f} px, more than {self.config.still}"
            return None
        _log.warning("camera: static (the background moves by %.2f px at 960)", worst)
        R, t = standing(self.clip.num_frames)
        return self._done("static", R, t, np.ones(len(R), bool), "stands")

    def _rotation(self) -> CameraTrajectory | None:
        config, tracks = self.config, self.seen.tracks
        evidence = {
            f"{seconds}s": rotation_evidence(
                tracks,
                windows(tracks, round(seconds * self.clip.fps)),
                self.focal.pixels,
                config.small,
            )
            for seconds in (1, 3)
        }
        self.facts["rotation"] = {over: item.facts() for over, item in evidence.items()}
        for over, item in evidence.items():
            if item.explained < 0.9:
                self.rejected["rotation"] = (
                    f"a rotation leaves {item.residual:.1f} of {item.flow:.1f} px over {over} (explains "
                    f"{item.explained:.0%} of the pairs of frames)"
                )
                return None
        path = rotation_path(tracks, self.focal.pixels)
        return self._done("rotation", path.R, np.zeros((len(path.R), 3)), path.solved, "turns")

    def _odometry(self) -> CameraTrajectory | None:
        found = odometry(self.seen.tracks, self.focal.pixels, self.ctx.seed)
        if found is None:
            self._reject("odometry", "no two frames have enough parallax")
            return None
        self.facts["odometry"] = found.evidence.facts()
        weak = self._weak(found)
        if weak:
            self._reject("odometry", weak)
            return None
        return self._travelled("odometry", found)

    def _colmap(self) -> CameraTrajectory | None:
        from .colmap.on_tracks import map_tracks

        mapped = map_tracks(self.seen.tracks, self.focal.pixels, self.ctx.seed)
        if mapped is None:
            self._reject("colmap", "it found no model")
            return None
        found = mapped[0]
        self.facts["colmap"] = found.evidence.facts()
        weak = self._weak(found)
        if weak:
            self._reject("colmap", weak)
            return None
        return self._travelled("colmap", found)

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
        _log.warning(
            "camera: NO model explains the image motion (%s). Only the camera's rotation is "
            "used, WITHOUT its travel, so its motion will appear as motion of the people; %s",
            "; ".join(f"{name}: {text}" for name, text in self.rejected.items()), remedies,
        )  # fmt: skip
        return self._done("rotation", path.R, np.zeros((len(path.R), 3)), path.solved, "unknown", "arbitrary")

    def _done(
        self, model: str, R: np.ndarray, t: np.ndarray, solved: np.ndarray, travel: Travel, unit: Unit = "metre"
    ) -> CameraTrajectory:
        if not self.focal.sure:
            _log.warning("camera: focal length %s", self.focal.said)
        if not solved.all():
            _log.warning(
                "camera: %d of %d frames could not be solved and were interpolated", (~solved).sum(), len(solved)
            )
        facts = {**self.facts, "model": model, "rejected": self.rejected}
        return assemble(self.clip, R, t, solved, self.focal, travel, facts, unit)
