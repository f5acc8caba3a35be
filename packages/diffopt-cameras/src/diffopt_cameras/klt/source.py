"""The policy: which model of the camera the evidence carries, and what is said where it carries none."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from diffopt_core.errors import BadInput
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import CameraTrajectory, Clip, Observations, Travel, Unit

from ..assemble import assemble, standing
from ..evidence import Seen, look, require, stillness
from ..focal import choose
from ..odometry import Odometry, odometry
from ..rotation import rotation_evidence, rotation_path, windows
from ..scale import in_rough_metres
from ..tracks import Following
from .config import KltConfig

_log = logging.getLogger(__name__)
#: Degrees between the rays of the first two views, and share of the frames, that a moving camera needs.
_PARALLAX, _REGISTERED = 1.0, 0.5


class KltCamera:
    """Implements :class:`diffopt_core.interfaces.CameraSource`."""

    def __init__(self, config: KltConfig, ctx: BuildContext):
        self._config, self._ctx = config, ctx

    def trajectory(self, clip: Clip, observations: Observations) -> CameraTrajectory:
        """World to camera in the first camera's frame. The unit is the metre where the camera was found not to travel
        (t is 0); the path of a moving camera is in metres that are guessed from the person (``facts["scale_from"]``),
        or in a unit of its own. ``travel`` is unknown and ``trusted`` false where no model is borne out.

        ``facts``: ``model``, the evidence for each candidate, ``rejected`` with reasons, ``focal_from``.
        Raises BadInput where no model can be had, and where a model that was asked for is not borne out.
        """
        config = self._config
        seen = look(clip, observations, Following(config.points, config.longest))
        require(seen, clip)
        return _Choice(config, self._ctx, clip, observations, seen).made()


@dataclass
class _Choice:
    """One clip's way through the models."""

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
                f"mapper {mapper} is not borne out by the images: {self.rejected[mapper]}; "
                "--set camera.mapper=auto chooses, or its thresholds can be set",
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
        _log.warning("camera: it stands still (the background moves by %.2f px at 960)", worst)
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
                    f"turning leaves {item.residual:.1f} of {item.flow:.1f} px over {over} (explains "
                    f"{item.explained:.0%} of the pairs of frames)"
                )
                return None
        path = rotation_path(tracks, self.focal.pixels)
        return self._done("rotation", path.R, np.zeros((len(path.R), 3)), path.solved, "turns")

    def _odometry(self) -> CameraTrajectory | None:
        found = odometry(self.seen.tracks, self.focal.pixels, self.ctx.seed)
        if found is None:
            self._reject("odometry", "no two frames show the scene from two sides")
            return None
        self.facts["odometry"] = found.evidence.facts()
        weak = self._weak(found)
        if weak:
            self._reject("odometry", weak)
            return None
        return self._travelled("odometry", found)

    def _colmap(self) -> CameraTrajectory | None:
        from ..colmap.on_tracks import map_tracks

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
        """Why a moving camera is not to be trusted, empty if it is."""
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
                f"{evidence.residual:.2f} px off, at most {config.residual:g} allowed",
            ),
            (evidence.registered < _REGISTERED, f"{evidence.registered:.0%} of the frames registered"),
        ]
        return "; ".join(text for failed, text in reasons if failed)

    def _reject(self, name: str, why: str) -> None:
        self.rejected[name] = why
        if self.config.mapper in ("auto", "colmap"):
            _log.warning("camera: %s rejects itself: %s", name, why)

    def _last_resort(self) -> CameraTrajectory:
        """Nothing explains the flow: the turning alone, said loudly; where even that hangs in the air, an error."""
        path = rotation_path(self.seen.tracks, self.focal.pixels)
        remedies = "--camera colmap, --camera droid=FILE or --set camera.mapper=... are the ways on"
        if path.solved.mean() < 0.5:
            why = "; ".join(f"{name}: {text}" for name, text in self.rejected.items())
            raise BadInput(self.clip.path or self.clip.name, "camera", f"no camera can be had ({why}); {remedies}")
        _log.warning(
            "camera: NO model explains how the picture moves (%s). Only its turning is used, WITHOUT travel: people "
            "will seem to move as the camera does; %s",
            "; ".join(f"{name}: {text}" for name, text in self.rejected.items()), remedies,
        )  # fmt: skip
        return self._done("rotation", path.R, np.zeros((len(path.R), 3)), path.solved, "unknown", "arbitrary")

    def _done(
        self, model: str, R: np.ndarray, t: np.ndarray, solved: np.ndarray, travel: Travel, unit: Unit = "metre"
    ) -> CameraTrajectory:
        if not self.focal.sure:
            _log.warning("camera: focal length %s", self.focal.said)
        if not solved.all():
            _log.warning("camera: %d of %d frames could not be solved and are filled in", (~solved).sum(), len(solved))
        facts = {**self.facts, "model": model, "rejected": self.rejected}
        return assemble(self.clip, R, t, solved, self.focal, travel, facts, unit)
