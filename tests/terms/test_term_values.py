"""What the terms are worth on motions for which it can be said beforehand, and their derivatives."""

from __future__ import annotations

from dataclasses import replace
from math import log

import pytest
import torch
from diffopt_core.config import TermConfig
from diffopt_core.data.rotation import yaw_to_matrix
from diffopt_core.data.skeleton import JOINT
from diffopt_core.host.testing import disturbed, make_problem, make_scene, residual_of
from diffopt_core.interfaces import ProblemContext
from diffopt_core.parts.terms.body import (
    AnchorConfig,
    OrientationConfig,
    PoseConfig,
    SmoothConfig,
    TranslationConfig,
    VelocityConfig,
)
from diffopt_core.parts.terms.camera import (
    CameraFocalConfig,
    CameraRotationConfig,
    CameraScaleConfig,
    CameraSmoothConfig,
    CameraTranslationConfig,
)
from diffopt_core.parts.terms.feet import ContactConfig, FloorConfig
from diffopt_core.parts.terms.reprojection import ReprojectionConfig
from torch import Tensor


@pytest.fixture
def ctx() -> ProblemContext:
    return make_problem(2, 8, dtype=torch.float64)


def _moved(ctx: ProblemContext, delta: Tensor) -> Tensor:
    return replace(ctx.initial, trans=ctx.initial.trans + delta)


def _close(value: Tensor, expected: float, tol: float = 1e-9) -> None:
    torch.testing.assert_close(value, torch.full_like(value, expected), rtol=tol, atol=tol)


GRADCHECKED = [
    PoseConfig(),
    PoseConfig(metric="geodesic"),
    PoseConfig(metric="axis_angle", joints="sum"),
    OrientationConfig(),
    OrientationConfig(metric="geodesic"),
    TranslationConfig(),
    TranslationConfig(robust=0.2, axes="vertical"),
    ReprojectionConfig(),
    ReprojectionConfig(sigma=0.2, unit="person", of="point", confidence_power=2),
    ReprojectionConfig(sigma=0.1, unit="image", normalise="none", joints="sum"),
    CameraRotationConfig(),
    CameraTranslationConfig(),
    CameraTranslationConfig(robust=0.1),
    CameraScaleConfig(),
    CameraFocalConfig(),
    CameraSmoothConfig(),
    CameraSmoothConfig(of="path", order=1),
    AnchorConfig(frames=2),
    SmoothConfig(),
    SmoothConfig(order=3, robust=100.0),
    VelocityConfig(),
    VelocityConfig(gap=2, robust=0.3),
    FloorConfig(clearance=0.3),
]


@pytest.mark.parametrize("config", GRADCHECKED, ids=lambda config: type(config).__name__)
def test_gradient_agrees_with_differences(config: TermConfig) -> None:
    ctx = make_problem(2, 5, dtype=torch.float64)
    motion, residual = disturbed(ctx), residual_of(ctx, 0.1)
    energy = config.build(ctx)

    def value(pose: Tensor, trans: Tensor, *parts: Tensor) -> Tensor:
        moved = replace(motion, pose=pose, trans=trans)
        return energy(make_scene(ctx, moved, dict(zip(residual, parts, strict=True))))

    inputs = [part.detach().clone().requires_grad_(True) for part in (motion.pose, motion.trans, *residual.values())]
    assert torch.autograd.gradcheck(value, inputs, fast_mode=True, atol=1e-5, rtol=1e-3)


def test_turn_of_every_joint_costs_what_eq_5_says(ctx: ProblemContext) -> None:
    angle = torch.tensor(0.3, dtype=torch.float64)
    pose = ctx.initial.pose @ yaw_to_matrix(angle)
    scene = make_scene(ctx, replace(ctx.initial, pose=pose))
    chordal, geodesic = 8 * torch.sin(angle / 2).square().item(), angle.square().item()
    _close(PoseConfig().build(ctx)(scene), chordal)
    _close(PoseConfig(joints="sum").build(ctx)(scene), 23 * chordal)
    _close(PoseConfig(metric="geodesic").build(ctx)(scene), geodesic)
    _close(OrientationConfig().build(ctx)(scene), chordal)
    _close(OrientationConfig(metric="geodesic").build(ctx)(scene), geodesic)


def test_axis_angle_is_the_letter_of_eq_5(ctx: ProblemContext) -> None:
    upright = replace(ctx.initial, pose=torch.eye(3, dtype=torch.float64).expand_as(ctx.initial.pose).clone())
    ctx = replace(ctx, initial=upright)
    turned = replace(upright, pose=upright.pose @ yaw_to_matrix(torch.tensor(0.4, dtype=torch.float64)))
    _close(PoseConfig(metric="axis_angle", joints="sum").build(ctx)(make_scene(ctx, turned)), 23 * 0.16)


def test_translation_and_its_options(ctx: ProblemContext) -> None:
    scene = make_scene(ctx, _moved(ctx, torch.tensor([0.3, 0.1, 0.4], dtype=torch.float64)))
    _close(TranslationConfig().build(ctx)(scene), 0.26)
    _close(TranslationConfig(axes="horizontal").build(ctx)(scene), 0.25)
    _close(TranslationConfig(axes="vertical").build(ctx)(scene), 0.01)
    _close(TranslationConfig(robust=0.5).build(ctx)(scene), 0.25 * 0.26 / 0.51)
    _close(VelocityConfig().build(ctx)(scene), 0.0)


def test_only_valid_frames_count(ctx: ProblemContext) -> None:
    gone = ~ctx.observations.valid
    assert gone.any()
    delta = torch.where(gone.unsqueeze(-1), 5.0, 0.1) * torch.ones(3, dtype=torch.float64)
    scene = make_scene(ctx, _moved(ctx, delta))
    _close(TranslationConfig().build(ctx)(scene), 0.03)
    none = replace(ctx, observations=replace(ctx.observations, valid=torch.zeros_like(gone)))
    for config in (TranslationConfig(), PoseConfig(), ReprojectionConfig(), SmoothConfig(), AnchorConfig()):
        _close(config.build(none)(scene), 0.0)


def test_velocity_is_in_metres_a_second(ctx: ProblemContext) -> None:
    drift = torch.arange(8, dtype=torch.float64)[None, :, None] / ctx.fps * torch.tensor([2.0, 0.0, 0.0])
    scene = make_scene(ctx, _moved(ctx, drift))
    _close(VelocityConfig().build(ctx)(scene), 4.0)
    _close(VelocityConfig(gap=3).build(ctx)(scene), 4.0)


@pytest.mark.parametrize(("order", "expected"), [(2, 9.0), (3, 0.0)])
def test_smooth_is_in_metres_a_second_squared(ctx: ProblemContext, order: int, expected: float) -> None:
    time = torch.arange(8, dtype=torch.float64)[None, :, None] / ctx.fps
    trans = 0.5 * 3.0 * time.square() * torch.tensor([0.0, 0.0, 1.0])
    still = ctx.initial.pose[:, :1].expand_as(ctx.initial.pose)
    scene = make_scene(ctx, replace(ctx.initial, pose=still, trans=trans.expand(2, -1, -1)))
    _close(SmoothConfig(order=order).build(ctx)(scene), expected, 1e-6)


def test_smooth_bridges_a_gap_and_leaves_the_ends(ctx: ProblemContext) -> None:
    assert not ctx.observations.valid[0, 4], "the sample has a gap in the middle"
    bump = torch.zeros(2, 8, 3, dtype=torch.float64)
    bump[:, 4] = 1.0
    plain = SmoothConfig().build(ctx)
    assert (plain(make_scene(ctx, _moved(ctx, bump))) > plain(make_scene(ctx)) + 1.0).all()
    valid = ctx.observations.valid.clone()
    valid[:, 4:] = False
    short = SmoothConfig().build(replace(ctx, observations=replace(ctx.observations, valid=valid)))
    torch.testing.assert_close(short(make_scene(ctx, _moved(ctx, bump))), short(make_scene(ctx)))


def test_anchor_pins_place_and_heading_of_the_first_valid_frame(ctx: ProblemContext) -> None:
    valid = ctx.observations.valid.clone()
    valid[:, 0] = False
    ctx = replace(ctx, observations=replace(ctx.observations, valid=valid))
    anchor = AnchorConfig().build(ctx)
    elsewhere = torch.zeros(2, 8, 3, dtype=torch.float64)
    elsewhere[:, 0], elsewhere[:, 2:] = 9.0, 9.0
    _close(anchor(make_scene(ctx, _moved(ctx, elsewhere))), 0.0)
    elsewhere[:, 1] = torch.tensor([0.3, 0.2, 0.4], dtype=torch.float64)
    _close(anchor(make_scene(ctx, _moved(ctx, elsewhere))), 0.29)
    _close(AnchorConfig(axes="horizontal").build(ctx)(make_scene(ctx, _moved(ctx, elsewhere))), 0.25)
    turned = ctx.initial.pose.clone()
    turned[:, :, 0] = yaw_to_matrix(torch.tensor(0.5, dtype=torch.float64)) @ turned[:, :, 0]
    assert (anchor(make_scene(ctx, replace(ctx.initial, pose=turned))) > 0.1).all()
    leaned = AnchorConfig(position=0.0, yaw=0.0).build(ctx)
    _close(leaned(make_scene(ctx, replace(ctx.initial, pose=turned))), 0.0)


def test_floor_counts_depth_below_it(ctx: ProblemContext) -> None:
    scene = make_scene(ctx)
    joints = torch.ones(2, 8, 24, 3, dtype=torch.float64)
    joints[:, :, 10, 1] = -0.2
    _close(FloorConfig().build(ctx)(replace(scene, joints=joints)), 0.04)
    _close(FloorConfig(clearance=0.1).build(ctx)(replace(scene, joints=joints)), 0.09)


def test_contact_wants_low_slow_feet_still(ctx: ProblemContext) -> None:
    energy, scene = ContactConfig().build(ctx), make_scene(ctx)
    time = torch.arange(8, dtype=torch.float64)[None, :, None, None] / ctx.fps

    def feet(height: float, speed: float) -> Tensor:
        joints = torch.zeros(2, 8, 24, 3, dtype=torch.float64) + speed * time * torch.tensor([1.0, 0.0, 0.0])
        joints[..., 1] = height
        return energy(replace(scene, joints=joints))

    standing, lifted, running = feet(0.03, 0.2), feet(0.5, 0.2), feet(0.03, 3.0)
    assert (standing > 0.5 * 0.04).all(), "a slow low foot pays about its speed squared"
    assert (lifted < 1e-3).all() and (running < 1e-3).all(), "a lifted or a fast foot is free"
    assert JOINT["left_foot"] == 10


def test_contact_lets_no_gradient_through_its_gate(ctx: ProblemContext) -> None:
    scene = make_scene(ctx)
    joints = torch.zeros(2, 8, 24, 3, dtype=torch.float64)
    joints[..., 1], joints[:, ::2, :, 0] = 0.03, 0.005
    joints.requires_grad_(True)
    (grad,) = torch.autograd.grad(ContactConfig().build(ctx)(replace(scene, joints=joints)).sum(), [joints])
    assert grad[..., 0].abs().max() > 0
    _close(grad[..., 1].abs().amax((1, 2)), 0.0)


def test_camera_terms_on_known_residuals(ctx: ProblemContext) -> None:
    residual = residual_of(ctx)
    residual = {
        "rotation": residual["rotation"] + 0.1,
        "scale": residual["scale"] * 2.0,
        "translation": residual["translation"] + torch.tensor([0.0, 0.3, 0.4], dtype=torch.float64),
        "focal": residual["focal"] * 0.5,
    }
    scene = make_scene(ctx, residual=residual)
    _close(CameraRotationConfig().build(ctx)(scene), 0.06)
    _close(CameraTranslationConfig().build(ctx)(scene), 0.25)
    _close(CameraTranslationConfig(robust=0.5).build(ctx)(scene), 0.125)
    _close(CameraScaleConfig().build(ctx)(scene), log(2.0) ** 2)
    _close(CameraFocalConfig().build(ctx)(scene), log(2.0) ** 2)
    _close(CameraSmoothConfig().build(ctx)(scene), 0.0)


def test_camera_terms_take_one_value_a_clip(ctx: ProblemContext) -> None:
    """A recipe may make a part of the residual one value per clip; then its T is 1."""
    scene = make_scene(ctx)
    single = replace(scene, residual={name: part[:, :1] + 0.1 for name, part in scene.residual.items()})
    whole = replace(scene, residual={name: part + 0.1 for name, part in scene.residual.items()})
    for config in (CameraRotationConfig(), CameraTranslationConfig(), CameraScaleConfig(), CameraFocalConfig()):
        torch.testing.assert_close(config.build(ctx)(single), config.build(ctx)(whole))
    _close(CameraSmoothConfig().build(ctx)(single), 0.0)


@pytest.mark.parametrize("order", [1, 2])
def test_camera_smooth_counts_changes_in_seconds(ctx: ProblemContext, order: int) -> None:
    time = torch.arange(8, dtype=torch.float64)[None, :, None] / ctx.fps
    residual = residual_of(ctx)
    residual["translation"] = residual["translation"] + time**order * torch.tensor([0.0, 0.0, 3.0])
    expected = 9.0 if order == 1 else 36.0
    _close(CameraSmoothConfig(order=order).build(ctx)(make_scene(ctx, residual=residual)), expected, 1e-6)


def test_a_scale_gone_negative_is_pulled_back(ctx: ProblemContext) -> None:
    scene = make_scene(ctx)
    scale = torch.full((2, 8, 1), -0.2, dtype=torch.float64, requires_grad=True)
    value = CameraScaleConfig().build(ctx)(replace(scene, residual={**scene.residual, "scale": scale}))
    (grad,) = torch.autograd.grad(value.sum(), [scale])
    assert value.isfinite().all() and (grad < 0).all()


def test_terms_follow_an_initial_motion_that_is_corrected_in_place(ctx: ProblemContext) -> None:
    """Rescaling writes to the context's tensors; terms must not have copied them."""
    energies = [config.build(ctx) for config in (TranslationConfig(), AnchorConfig(), VelocityConfig())]
    ctx.initial.trans.add_(torch.linspace(0, 1, 8, dtype=torch.float64)[None, :, None])
    for energy in energies:
        _close(energy(make_scene(ctx)), 0.0)
