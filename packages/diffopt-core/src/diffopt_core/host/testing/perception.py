"""Contracts of what looks at a clip: detectors, camera sources, initializers.

Each has ``clip``, which gives the synthetic one; a component that reads images overrides it with a clip of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import torch
from torch import Tensor

from ...data.skeleton import LAYOUTS
from ...data.window import travel_of
from ...types import CameraTrajectory, Clip, Observations, PosesFrom, Travel, Unit
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
        wanted = (clip.num_frames, len(LAYOUTS[seen.layout]), 3)
        assert seen.keypoints.shape == wanted, f"keypoints {tuple(seen.keypoints.shape)}, expected {wanted}"
        assert seen.valid.shape == (clip.num_frames,) and seen.valid.dtype == torch.bool, "valid: expected bool T"
        confidence = seen.keypoints[..., 2]
        assert ((confidence >= 0) & (confidence <= 1)).all(), "confidence is outside [0, 1]"


class CameraContract(_OnClip):
    """Set ``name``."""

    kind = "camera"

    def test_trajectory_is_well_formed(self, tmp_path: Path) -> None:
        clip = self.clip(tmp_path)
        camera = self.build().trajectory(clip, self.evidence(clip)[0])
        frames = clip.num_frames
        _check_rotations(camera.R, (frames, 3, 3))
        for name, size in (("t", 3), ("focal", 2), ("centre", 2)):
            value = getattr(camera, name)
            assert value.shape == (frames, size), f"{name}: shape {tuple(value.shape)}, expected {(frames, size)}"
            assert value.isfinite().all(), f"{name} is not finite"
        assert (camera.focal > 0).all(), "focal lengths must be positive pixels"
        assert camera.unit in get_args(Unit), f"unit '{camera.unit}', expected one of {get_args(Unit)}"
        assert camera.travel in get_args(Travel), f"travel '{camera.travel}', expected one of {get_args(Travel)}"
        assert isinstance(camera.trusted, bool) and isinstance(camera.level, bool), "trusted, level: expected bool"
        if camera.travel in ("stands", "turns"):
            assert travel_of(camera.R, camera.t) != "travels", f"the camera {camera.travel}, but its path moves"
        if camera.filled is not None:
            assert camera.filled.shape == (frames,) and camera.filled.dtype == torch.bool, "filled: expected bool T"


class InitializerContract(_OnClip):
    """Set ``name``."""

    kind = "initializer"

    def test_body_is_well_formed(self, tmp_path: Path) -> None:
        clip = self.clip(tmp_path)
        body = self.build().initialize(clip, *self.evidence(clip))
        frames = clip.num_frames
        _check_rotations(body.global_orient, (frames, 3, 3))
        _check_rotations(body.body_pose, (frames, 23, 3, 3))
        assert body.poses_from in get_args(PosesFrom), f"poses_from '{body.poses_from}', not of {get_args(PosesFrom)}"
        assert body.transl.shape == (frames, 3) and body.betas.shape == (10,)
        assert body.transl.isfinite().all() and (body.transl[:, 2] > 0).all(), "the pelvis is behind the camera"


def _check_rotations(matrix: Tensor, shape: tuple[int, ...]) -> None:
    assert matrix.shape == shape, f"rotations of shape {tuple(matrix.shape)}, expected {shape}"
    product = matrix @ matrix.mT
    torch.testing.assert_close(product, torch.eye(3, dtype=matrix.dtype).expand_as(product), rtol=0.0, atol=1e-3)
    assert (torch.linalg.det(matrix) > 0).all(), "reflections among the rotations"
