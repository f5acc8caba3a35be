"""Eq. 8: agreement with published code, masks, units, and points behind the camera."""

from __future__ import annotations

from dataclasses import replace

import nemo_twin
import pytest
import torch
from diffopt_core.host.testing import make_problem, make_scene
from diffopt_core.interfaces import ProblemContext
from diffopt_core.parts.terms.kit import geman_mcclure
from diffopt_core.parts.terms.reprojection import ReprojectionConfig
from goldens import Arrays, golden
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

robust = golden("geman_mcclure.npz")
nemo = golden("nemo_field.npz", twin=nemo_twin.arrays)


@pytest.mark.parametrize("sigma", [1, 50, 100])
def test_geman_mcclure_agrees_with_slahmr(robust: Arrays, sigma: int) -> None:
    value = geman_mcclure(robust["residual_px"].double().square(), float(sigma))
    torch.testing.assert_close(value, robust[f"gmof_sigma{sigma}"].double(), rtol=1e-5, atol=1e-3)


def test_gradient_agrees_with_slahmr(robust: Arrays) -> None:
    residual = robust["residual_px"].double().requires_grad_(True)
    (grad,) = torch.autograd.grad(geman_mcclure(residual.square(), 100.0).sum(), [residual])
    torch.testing.assert_close(grad, robust["grad_sigma100"].double(), rtol=1e-4, atol=1e-5)


def test_nemo_squared_and_rooted_errors(nemo: Arrays) -> None:
    residual = nemo["gmof/residual_px"].double()
    torch.testing.assert_close(
        geman_mcclure(residual.square(), 100.0), nemo["gmof/nosqrt"].double(), rtol=1e-5, atol=1e-3
    )
    # NeMo's rooted form puts the distance where the squared error stands.
    distance = residual.norm(dim=-1, keepdim=True)
    torch.testing.assert_close(geman_mcclure(distance, 100.0), nemo["gmof/sqrt"].double(), rtol=1e-5, atol=1e-3)


def _with_pixels(ctx: ProblemContext, residual: Tensor, confidence: Tensor):
    """Problem and scene whose pixel errors are given (``T J 2``), of one clip."""
    detected = torch.cat([torch.zeros_like(residual), confidence], dim=-1)[None]
    valid = torch.ones(1, residual.shape[0], dtype=torch.bool)
    ctx = replace(ctx, observations=replace(ctx.observations, keypoints=detected, valid=valid))
    scene = make_scene(make_problem(1, residual.shape[0], layout="coco17", dtype=torch.float64))
    return ctx, replace(scene, pixels=residual[None], depth=torch.ones_like(residual[None, ..., 0]))


def test_weighted_sum_agrees_with_slahmr_and_humor(robust: Arrays) -> None:
    residual, confidence = robust["residual_px"].double(), robust["conf"].double()
    problem = make_problem(1, len(residual), layout="coco17", dtype=torch.float64)
    ctx, scene = _with_pixels(problem, residual, confidence)
    config = ReprojectionConfig(sigma=100.0, confidence_power=2, normalise="none", joints="sum")
    expected = robust["conf2_weighted_sum_sigma100"].double() / residual.shape[0]
    torch.testing.assert_close(config.build(ctx)(scene)[0], expected, rtol=1e-5, atol=1e-3)


@given(error=st.floats(0.0, 1e6), sigma=st.floats(0.1, 1e3))
@settings(max_examples=50, deadline=None)
def test_cost_is_bounded_and_grows(error: float, sigma: float) -> None:
    squared = torch.tensor([error**2, (1.01 * error) ** 2], dtype=torch.float64)
    low, high = geman_mcclure(squared, sigma).tolist()
    assert 0.0 <= low <= high <= sigma**2 * (1 + 1e-12)
    assert low <= error**2 * (1 + 1e-12) + 1e-300


def _scene(ctx: ProblemContext):
    scene = make_scene(ctx)
    assert scene.pixels is not None and scene.depth is not None
    return scene


@pytest.fixture
def ctx() -> ProblemContext:
    return make_problem(2, 6, layout="coco17", dtype=torch.float64)


def test_units_agree_on_one_width(ctx: ProblemContext) -> None:
    scene = _scene(ctx)
    image = ReprojectionConfig(sigma=0.1, unit="image").build(ctx)(scene)
    torch.testing.assert_close(image, ReprojectionConfig(sigma=72.0).build(ctx)(scene))
    person = ReprojectionConfig(sigma=0.2, unit="person").build(ctx)(scene)
    assert person.isfinite().all() and (person > 0).all()


def test_image_twice_as_large_costs_the_same(ctx: ProblemContext) -> None:
    scene = _scene(ctx)
    keypoints = ctx.observations.keypoints * torch.tensor([2.0, 2.0, 1.0])
    camera = replace(ctx.camera, focal=2 * ctx.camera.focal, centre=2 * ctx.camera.centre)
    large = replace(ctx, observations=replace(ctx.observations, keypoints=keypoints), camera=camera)
    for unit in ("image", "person"):
        config = ReprojectionConfig(sigma=0.1, unit=unit)
        double = replace(scene, pixels=2 * scene.pixels)
        torch.testing.assert_close(config.build(large)(double), config.build(ctx)(scene))


def test_absent_and_nan_keypoints_count_for_nothing(ctx: ProblemContext) -> None:
    scene = _scene(ctx)
    dropped, broken = ctx.observations.keypoints.clone(), ctx.observations.keypoints.clone()
    dropped[:, 1, 3, 2] = 0.0
    broken[:, 1, 3, 0] = torch.nan
    values = []
    for keypoints in (dropped, broken):
        here = replace(ctx, observations=replace(ctx.observations, keypoints=keypoints))
        pixels = scene.pixels.detach().clone().requires_grad_(True)
        value = ReprojectionConfig().build(here)(replace(scene, pixels=pixels))
        (grad,) = torch.autograd.grad(value.sum(), [pixels])
        assert grad.isfinite().all() and (grad[:, 1, 3] == 0).all()
        values.append(value)
    torch.testing.assert_close(values[0], values[1])


def test_a_point_behind_the_camera_costs_as_much_as_a_lost_one(ctx: ProblemContext) -> None:
    scene = _scene(ctx)
    ahead = ReprojectionConfig().build(ctx)(scene)
    depth = scene.depth.clone()
    depth[:, :, 0] = -1.0
    pixels = scene.pixels.clone()
    pixels[:, :, 0] = torch.inf
    pixels.requires_grad_(True)
    behind = ReprojectionConfig().build(ctx)(replace(scene, pixels=pixels, depth=depth))
    (grad,) = torch.autograd.grad(behind.sum(), [pixels])
    assert (behind >= ahead).all(), "stepping behind the camera must not pay"
    assert grad.isfinite().all() and (grad[:, :, 0] == 0).all()


def test_nobody_found_is_not_a_number_problem(ctx: ProblemContext) -> None:
    keypoints = torch.full_like(ctx.observations.keypoints, torch.nan)
    empty = replace(ctx, observations=replace(ctx.observations, keypoints=keypoints))
    for unit in ("px", "image", "person"):
        value = ReprojectionConfig(sigma=0.5, unit=unit).build(empty)(_scene(ctx))
        assert (value == 0).all()
