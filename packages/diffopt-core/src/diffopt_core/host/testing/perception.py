"""Contracts of what looks at a clip: detectors, camera sources, initializers.

Each has ``clip``, which gives the synthetic one; a component that reads images overrides it with a clip of its own.
"""

from __future__ import annotations

from pathlib import Path

from ...data.window import travel_of
from ...types import CameraTrajectory, Clip, Observations
from ..contract import broken
from .component import ComponentContract
from .samples import make_clip


class _OnClip(ComponentContract):
    def clip(self, folder: Path) -> Clip:
        """The clip to look at; ``folder`` is empty and free to use."""
        return make_clip()

    def evidence(self, clip: Clip) -> tuple[Observations, CameraTrajectory]:
        """Keypoints and cameras: those of the clip, or of the synthetic one at the clip's length."""
        other = make_clip(clip.num_frames)
        observations, camera = clip.observations or other.observations, clip.camera or other.camera
        assert observations is not None and camera is not None
        return observations, camera


class DetectorContract(_OnClip):
    """Set ``name``."""

    kind = "detector"

    def test_observations_are_well_formed(self, tmp_path: Path) -> None:
        clip = self.clip(tmp_path)
        seen = self.build().detect(clip)
        assert not (clause := broken(seen, clip.num_frames)), clause


class CameraContract(_OnClip):
    """Set ``name``."""

    kind = "camera"

    def test_trajectory_is_well_formed(self, tmp_path: Path) -> None:
        clip = self.clip(tmp_path)
        camera = self.build().trajectory(clip, self.evidence(clip)[0])
        assert not (clause := broken(camera, clip.num_frames)), clause
        assert isinstance(camera.trusted, bool) and isinstance(camera.level, bool), "trusted, level: expected bool"
        if camera.travel in ("stands", "turns"):
            assert travel_of(camera.R, camera.t) != "travels", f"the camera {camera.travel}, but its path moves"


class InitializerContract(_OnClip):
    """Set ``name``."""

    kind = "initializer"

    def test_body_is_well_formed(self, tmp_path: Path) -> None:
        clip = self.clip(tmp_path)
        body = self.build().initialize(clip, *self.evidence(clip))
        assert not (clause := broken(body, clip.num_frames)), clause
        assert (body.transl[:, 2] > 0).all(), "the pelvis is behind the camera"
