"""Camera source ``colmap``: runs pycolmap on a clip."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from diffopt_core.errors import BadInput
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import CameraTrajectory, Clip, Observations, Unit

from ..assemble import assemble
from ..configs import ColmapConfig
from ..evidence import look, require
from ..focal import Focal, choose
from ..lines import find_lines
from ..rotation import rotation_evidence, windows
from ..scale import in_rough_metres
from ..tracks import Following
from ..wahba import Array
from .library import library
from .on_images import map_images
from .on_tracks import map_tracks

_log = logging.getLogger(__name__)
#: Share of the images that it must register.
_REGISTERED = 0.3


@dataclass(frozen=True)
class _Mapped:
    """``points`` of the model; ``registered``: share of the images that have a pose in it."""

    R: Array
    t: Array
    solved: np.ndarray
    focal: Focal
    unit: Unit
    points: int
    registered: float
    facts: dict[str, Any]


class ColmapCamera:
    """Implements :class:`diffopt_core.interfaces.CameraSource`."""

    def __init__(self, config: ColmapConfig, ctx: BuildContext):
        self._config, self._seed = config, ctx.seed

    def trajectory(self, clip: Clip, observations: Observations) -> CameraTrajectory:
        """World to camera in the first camera's frame; the path has an arbitrary scale, or approximate metres estimated
        from the person (``facts["scale_from"]``, ``features = tracks``).

        ``facts``: ``images`` and ``registered`` (how many pycolmap got, and how many it gave a pose), ``points``,
        ``residual_px``, ``focal_from``. Frames between registered ones are solved from the points (``features =
        tracks``) or interpolated. Raises MissingResource without pycolmap, BadInput if it fails.
        """
        library()
        if clip.video is None:
            raise BadInput(
                clip.path or clip.name, "video", "the clip has no images, which colmap needs; use --camera given"
            )
        solve = self._on_tracks if self._config.features == "tracks" else self._on_images
        found = solve(clip, observations)
        if not found.focal.sure:
            _log.warning("camera: focal length %s; --focal sets it", found.focal.said)
        self._check(clip, found)
        missing = int((~found.solved).sum())
        if missing:
            _log.warning("camera: colmap has no pose for %d of %d frames; filled in", missing, len(found.solved))
        facts = {"source": "colmap", "model": f"colmap on {self._config.features}", **found.facts}
        return assemble(clip, found.R, found.t, found.solved, found.focal, "travels", facts, found.unit)

    def _on_tracks(self, clip: Clip, observations: Observations) -> _Mapped:
        config = self._config
        seen = look(clip, observations, Following(config.points, config.longest))
        require(seen, clip)
        focal, _ = choose(clip, observations, find_lines(clip, observations), seen.tracks, self._seed)
        pairs = windows(seen.tracks, round(clip.fps))
        turn = rotation_evidence(seen.tracks, pairs, focal.pixels, 0.3)
        if turn.explained > 0.9:  # any path found here would only fit noise
            problem = f"the camera only rotates ({turn.residual:.1f} of {turn.flow:.1f} px remain unexplained)"
            raise BadInput(clip.path or clip.name, "camera", f"{problem}: colmap cannot triangulate; use --camera auto")
        mapper = "global" if config.mapper == "auto" else config.mapper
        found = map_tracks(seen.tracks, focal.pixels, self._seed, mapper, config.threads)
        if found is None:
            raise self._nothing(clip)
        path, placed = found
        evidence = path.evidence
        facts = {
            **evidence.facts(),
            "images": evidence.key_frames,
            "registered_images": placed,
            "tracks": seen.facts,
        }
        t, unit, scale = in_rough_metres(clip, observations, seen.tracks, path, focal.pixels)
        share = evidence.registered
        return _Mapped(path.R, t, path.solved, focal, unit, evidence.points, share, facts | scale)

    def _on_images(self, clip: Clip, observations: Observations) -> _Mapped:
        focal, _ = choose(clip, observations, find_lines(clip, observations))
        found = map_images(clip, observations, self._config, focal.pixels, self._seed)
        if found is None:
            raise self._nothing(clip)
        facts = {
            "points": found.points,
            "residual_px": round(found.residual, 3),
            "images": found.images,
            "registered_images": found.registered,
            "registered": round(found.registered / found.images, 3),
        }
        share = found.registered / found.images
        return _Mapped(found.R, found.t, found.solved, focal, "arbitrary", found.points, share, facts)

    def _check(self, clip: Clip, found: _Mapped) -> None:
        config = self._config
        if found.points < config.fewest_points or found.registered < _REGISTERED:
            raise BadInput(
                clip.path or clip.name, "camera",
                f"colmap registered {found.registered:.0%} of the images with {found.points} points (at least "
                f"{_REGISTERED:.0%} and {config.fewest_points} are needed): the camera may only "
                "rotate, or the background has too little texture; --camera auto chooses a model",
            )  # fmt: skip

    def _nothing(self, clip: Clip) -> BadInput:
        other = "sift" if self._config.features == "tracks" else "tracks"
        return BadInput(
            clip.path or clip.name, "camera",
            "colmap found no model (impossible if the camera only rotates or stands "
            f"still); --camera auto chooses a model, or try --set camera.features={other}",
        )  # fmt: skip
