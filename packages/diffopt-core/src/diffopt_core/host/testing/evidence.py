"""Contracts of bodies and of perception: detectors, camera sources, initializers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import torch

from ...data.rotation import yaw_to_matrix
from ...data.skeleton import LAYOUTS
from ...data.window import travel_of
from ...interfaces import MeshBody, ProblemContext
from ...types import CameraTrajectory, Clip, Observations
from ..contract import broken
from .component import ComponentContract
from .problem import clip_alone
from .results import make_clip
from .steps import ProblemContract, weighed
from .term import forbid_host_sync


class _OnClip(ComponentContract):
    def clip(self, folder: Path) -> Clip:
        """The clip for the component; ``folder`` is an empty folder it may use."""
        return make_clip()

    def evidence(self, clip: Clip) -> tuple[Observations, CameraTrajectory]:
        """Keypoints and cameras of the clip, or synthetic ones of the clip's length."""
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


class BodyContract(ProblemContract):
    """Set ``name``; ``layouts``: the keypoint layouts that the body must offer."""

    kind = "body"
    layouts: ClassVar[tuple[str, ...]] = ("smpl24", "coco17")

    def context(self) -> ProblemContext:
        return replace(super().context(), body=None)

    def test_rest_joints_are_relative_to_the_pelvis(self) -> None:
        ctx = self.context()
        rest = self.build(ctx).rest_joints(ctx.initial.betas)
        assert rest.shape == (self.clips, 24, 3), f"rest joints have shape {tuple(rest.shape)}"
        torch.testing.assert_close(rest[:, 0], torch.zeros_like(rest[:, 0]), rtol=0.0, atol=1e-5)
        height = rest[..., 1].amax(-1) - rest[..., 1].amin(-1)
        assert ((height > 0.8) & (height < 2.5)).all(), f"joints span {height.tolist()} in y: metres, Y up?"

    def test_pelvis_is_the_translation(self) -> None:
        ctx = self.context()
        joints = self.build(ctx).joints(ctx.initial)
        assert joints.shape == (self.clips, self.frames, 24, 3), f"joints have shape {tuple(joints.shape)}"
        torch.testing.assert_close(joints[:, :, 0], ctx.initial.trans, rtol=0.0, atol=1e-4)

    def test_turning_the_root_turns_the_body(self) -> None:
        ctx = self.context()
        body, motion = self.build(ctx), ctx.initial
        turn = yaw_to_matrix(torch.tensor(0.7))
        pose = torch.cat([(turn @ motion.pose[:, :, :1]), motion.pose[:, :, 1:]], dim=2)
        centre = motion.trans.unsqueeze(2)
        expected = (body.joints(motion) - centre) @ turn.T + centre
        torch.testing.assert_close(body.joints(replace(motion, pose=pose)), expected, rtol=0.0, atol=1e-4)

    def test_keypoints_follow_the_layouts(self) -> None:
        ctx = self.context()
        body = self.build(ctx)
        for layout in self.layouts:
            points = body.keypoints(ctx.initial, layout)
            wanted = (self.clips, self.frames, len(LAYOUTS[layout]), 3)
            assert points.shape == wanted, f"{layout}: shape {tuple(points.shape)}, expected {wanted}"
            far = (points - ctx.initial.trans.unsqueeze(2)).norm(dim=-1).amax()
            assert far < 2.0, f"{layout}: a keypoint is {far:.1f} m from the pelvis"

    def test_gradients_are_finite(self) -> None:
        ctx = self.context()
        body, pose = self.build(ctx), ctx.initial.pose.clone().requires_grad_(True)
        points = body.keypoints(replace(ctx.initial, pose=pose), self.layouts[0])
        (grad,) = torch.autograd.grad(weighed(points), [pose])
        assert grad.isfinite().all() and grad.abs().sum() > 0, "no finite gradient reaches the pose"

    def test_clip_in_a_batch_equals_clip_alone(self) -> None:
        ctx = self.context()
        together = self.build(ctx).joints(ctx.initial)
        for k in range(self.clips):
            single = clip_alone(ctx, k)
            torch.testing.assert_close(self.build(single).joints(single.initial)[0], together[k], rtol=0.0, atol=1e-5)

    def test_mesh_if_any_surrounds_the_joints(self) -> None:
        ctx = self.context()
        body = self.build(ctx)
        if not isinstance(body, MeshBody):
            return
        vertices = body.vertices(ctx.initial)
        assert vertices.shape[:2] == (self.clips, self.frames) and vertices.shape[-1] == 3
        assert body.faces.ndim == 2 and int(body.faces.min()) >= 0 and int(body.faces.max()) < vertices.shape[2]
        pelvis = ctx.initial.trans
        assert ((vertices.amin(2) < pelvis) & (pelvis < vertices.amax(2))).all(), "the mesh does not enclose the pelvis"

    def test_host_does_not_wait(self) -> None:
        ctx = self.context()
        body = self.build(ctx)
        body.keypoints(ctx.initial, self.layouts[0])
        with forbid_host_sync():
            body.joints(ctx.initial)
            body.keypoints(ctx.initial, self.layouts[0])
