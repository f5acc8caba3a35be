"""What every body must do, crossed with every layout."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest
import torch
from diffopt_core.config import ComponentConfig
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.data.skeleton import JOINT, LAYOUTS
from diffopt_core.errors import UnknownName
from diffopt_core.host.testing.problem import make_problem
from diffopt_core.interfaces import Body, MeshBody, ProblemContext
from diffopt_core.parts.bodies import COMPONENTS
from diffopt_core.parts.bodies.anny24 import Anny24Config
from diffopt_core.parts.bodies.linear import ForeignBetas
from diffopt_core.parts.bodies.stick import BONES, StickConfig
from diffopt_core.parts.bodies.stick_body import NoSkeleton, StickBody
from diffopt_core.types import HumanMotion

BODIES = ("anny", "stick")


@pytest.fixture(params=BODIES)
def body(request) -> Body:
    return request.getfixturevalue(request.param)


def _context(**parts: Any) -> ProblemContext:
    return replace(make_problem(), **parts)


def _t_pose() -> HumanMotion:
    return HumanMotion(torch.eye(3).expand(1, 1, 24, 3, 3), torch.zeros(1, 1, 3), torch.zeros(1, 10), "anny24")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_has_its_points_and_they_are_finite(body, layout, random_motion):
    motion = random_motion()
    points = body.keypoints(motion, layout)
    assert points.shape == (2, 3, len(LAYOUTS[layout]), 3)
    assert points.isfinite().all()
    assert all(body.served(layout))
    assert (points - motion.trans.unsqueeze(-2)).norm(dim=-1).max() < 1.5, "within reach of the pelvis"


def test_unknown_layout_is_named_with_a_suggestion(body, random_motion):
    with pytest.raises(UnknownName, match=r"coco71.*Did you mean 'coco17'"):
        body.keypoints(random_motion(), "coco71")


def test_trans_is_the_pelvis_itself(body, random_motion):
    motion = random_motion()
    torch.testing.assert_close(body.joints(motion)[:, :, 0], motion.trans)


def test_turning_the_root_moves_everything_rigidly(body, random_motion):
    """x -> Q x + c of root and pelvis does the same to joints, keypoints and mesh."""
    motion = random_motion(dtype=torch.float64)
    Q = axis_angle_to_matrix(torch.tensor([0.3, 1.2, -0.4], dtype=torch.float64))
    c = torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64)
    pose = motion.pose.clone()
    pose[:, :, 0] = Q @ pose[:, :, 0]
    moved = replace(motion, pose=pose, trans=motion.trans @ Q.T + c)
    pairs = [(body.joints(motion), body.joints(moved))]
    pairs += [(body.keypoints(motion, k), body.keypoints(moved, k)) for k in LAYOUTS]
    if isinstance(body, MeshBody):
        pairs.append((body.vertices(motion), body.vertices(moved)))
    for before, after in pairs:
        torch.testing.assert_close(after, before @ Q.T + c)


def test_joints_and_keypoints_together_equal_apart(body, random_motion):
    motion = random_motion()
    joints, points = body.joints_and_keypoints(motion, "coco17")
    torch.testing.assert_close(joints, body.joints(motion))
    torch.testing.assert_close(points, body.keypoints(motion, "coco17"))


def test_clips_of_a_batch_do_not_meet(body, random_motion):
    motion = random_motion()
    alone = HumanMotion(motion.pose[1:], motion.trans[1:], motion.betas[1:], motion.betas_of)
    torch.testing.assert_close(body.keypoints(alone, "coco17"), body.keypoints(motion, "coco17")[1:])


def test_gradients_reach_pose_place_and_shape(anny, random_motion):
    motion = random_motion(B=1, T=1, dtype=torch.float64)

    def nose_and_wrists(axis_angle, trans, betas):
        moved = HumanMotion(axis_angle_to_matrix(axis_angle), trans, betas, "anny24")
        return anny.keypoints(moved, "coco17")[:, :, [0, 9, 15]]

    inputs = (0.2 * torch.ones(1, 1, 24, 3, dtype=torch.float64), motion.trans, motion.betas)
    assert torch.autograd.gradcheck(nose_and_wrists, [x.requires_grad_() for x in inputs], fast_mode=True)


def test_points_lie_where_they_should_in_the_t_pose(body):
    points: dict[str, torch.Tensor] = {}
    for layout in ("coco17", "openpose25", "blazepose33"):
        points |= dict(zip(LAYOUTS[layout], body.keypoints(_t_pose(), layout)[0, 0], strict=True))
    joints = body.joints(_t_pose())[0, 0]
    assert points["nose"][2] > joints[JOINT["head"], 2] + 0.08, "the nose is in front"
    assert points["left_eye"][0] > 0.02 > -0.02 > points["right_eye"][0]
    assert points["left_ear"][0] > points["left_eye_outer"][0] > points["left_eye"][0] > points["left_eye_inner"][0]
    assert points["mouth_left"][1] < points["nose"][1] < points["left_eye"][1]
    assert points["left_heel"][2] < points["left_ankle"][2] < points["left_small_toe"][2] < points["left_big_toe"][2]
    assert points["left_small_toe"][0] > points["left_big_toe"][0]
    assert points["left_index"][0] > points["left_wrist"][0] and points["left_index"][2] > points["left_pinky"][2]
    middle = (points["left_shoulder"] + points["right_shoulder"]) / 2
    torch.testing.assert_close(points["neck"], middle)
    for name in ("left_knee", "right_elbow", "left_ankle", "right_wrist", "left_hip", "right_shoulder"):
        assert (points[name] - joints[JOINT[name]]).norm() < 0.04


def test_stick_offsets_are_those_of_the_mesh(anny, stick):
    """On the same skeleton, the face, foot and knuckle points agree to the rounding of the table."""
    for layout in ("coco17", "openpose25", "blazepose33"):
        apart = (stick.keypoints(_t_pose(), layout) - anny.keypoints(_t_pose(), layout))[0, 0].norm(dim=-1)
        soft = [i for i, name in enumerate(LAYOUTS[layout]) if name not in JOINT and "hip" not in name]
        assert apart[soft].max() < 0.01


def test_stick_body_of_each_clip_of_a_batch(random_motion, stick):
    rest = stick.rest_joints(torch.zeros(1, 10))
    pair = StickBody(torch.cat([rest, 1.2 * rest]))
    motion = random_motion()
    flat = replace(motion, trans=torch.zeros_like(motion.trans), pose=motion.pose[:1].expand(2, -1, -1, -1, -1))
    points = pair.keypoints(flat, "blazepose33")
    torch.testing.assert_close(points[1], 1.2 * points[0])


def test_bones_for_drawing_form_the_tree():
    assert sorted(child for _, child, _ in BONES) == list(range(1, 24))
    assert all(0.02 < radius < 0.15 for *_, radius in BONES)


def test_stick_without_a_skeleton_says_what_to_do():
    ctx = _context(rest_joints=None)
    with pytest.raises(NoSkeleton, match=r"rest_joints.*--body anny24"):
        StickConfig().build(ctx)


def test_components_name_configs():
    for component in COMPONENTS:
        module, name = component.config.split(":")
        config = getattr(import_module(module), name)
        assert issubclass(config, ComponentConfig) and config.licence is not None


@pytest.mark.slow
def test_no_graph_break(anny, stick, random_motion, unchecked):
    """What a compiler sees."""
    for body in (anny, stick):
        compiled = torch.compile(lambda m, b=body: b.keypoints(m, "coco17"), backend="eager", fullgraph=True)
        motion = random_motion()
        torch.testing.assert_close(compiled(motion), body.keypoints(motion, "coco17"))


def test_configs_build_bodies(random_motion):
    ctx = _context(rest_joints=torch.randn(2, 24, 3), initial=random_motion())
    assert isinstance(Anny24Config().build(ctx), MeshBody)
    assert not isinstance(StickConfig().build(ctx), MeshBody)


class TestForeignBetas:
    def test_refused_when_used_and_when_built(self, anny, random_motion):
        motion = random_motion(betas_of="smpl")
        for use in (anny.joints, anny.vertices, lambda m: anny.keypoints(m, "coco17")):
            with pytest.raises(ForeignBetas, match=r"'smpl' given to body 'anny24'.*--body smpl.*body.shape=mean"):
                use(motion)
        with pytest.raises(ForeignBetas):
            Anny24Config().build(_context(initial=motion))

    def test_zeros_are_everyones_mean(self, anny, random_motion):
        motion = random_motion(betas_of="smpl")
        mean = replace(motion, betas=torch.zeros_like(motion.betas))
        own = replace(mean, betas_of="anny24")
        torch.testing.assert_close(anny.joints(mean), anny.joints(own))

    def test_mean_shape_ignores_them(self, anny, random_motion):
        motion = random_motion(betas_of="smpl")
        ctx = _context(initial=motion)
        mean = Anny24Config(shape="mean").build(ctx)
        own = HumanMotion(motion.pose, motion.trans, torch.zeros_like(motion.betas), "anny24")
        torch.testing.assert_close(mean.joints(motion), anny.joints(own))
        torch.testing.assert_close(mean.vertices(motion), anny.vertices(own))
        torch.testing.assert_close(mean.keypoints(motion, "coco17"), anny.keypoints(own, "coco17"))
        torch.testing.assert_close(mean.rest_joints(motion.betas), anny.rest_joints(own.betas))

    def test_stick_takes_any(self, stick, random_motion):
        assert stick.joints(random_motion(betas_of="smpl")).isfinite().all()
