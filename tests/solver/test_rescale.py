"""The closed-form scale: a person whose motion in the world is known gives the camera's scale away."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffopt_core.camera_residual import CameraResidual
from diffopt_core.recipe import CameraSpec, ScaleSpec
from diffopt_core.rescale import rescale
from diffopt_core.types import map_tensors
from scenes import held, seen, true_scene


def problem(scales: torch.Tensor, noise: float):
    """True motion as the distilled one; the camera's path wrong by ``scales`` and the lifted person with it."""
    motion, camera, body = true_scene(clips=len(scales), frames=60, travel=2.0)
    wrong = CameraResidual(map_tensors(camera, torch.clone), CameraSpec())
    moved = wrong.rescale(scales)
    g = torch.Generator().manual_seed(0)
    initial = replace(motion, trans=motion.trans + moved + noise * torch.randn(motion.trans.shape, generator=g))
    return held(seen(motion, camera, body), body, wrong, initial, motion), camera


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_the_scale_is_found_and_applied(noise):
    scales = torch.tensor([0.4, 1.0, 2.5])
    made, truth = problem(scales, noise)
    found = rescale(made, ScaleSpec(mode="distilled"))
    torch.testing.assert_close(found, 1 / scales, rtol=0.02 + 5 * noise, atol=0)
    torch.testing.assert_close(made.camera.camera().position, truth.position, atol=0.05 + 10 * noise, rtol=0)
    assert len(made.representation.shifted) == 1


def test_a_camera_that_stands_still_keeps_its_scale():
    made, _ = problem(torch.tensor([1.0]), 0.0)
    made.ctx.camera.t.copy_(-(made.ctx.camera.R @ torch.tensor([0.0, 1.4, 4.0])))
    assert abs(float(rescale(made, ScaleSpec(mode="distilled"))) - 1) < 0.2
