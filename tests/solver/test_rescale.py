"""The closed-form scale: a person whose motion in the world is known gives the camera's scale away."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffopt_core.host.recipe import CameraSpec, ScaleSpec
from diffopt_core.solver.scale import rescale
from diffopt_core.solver.variables import CameraResidual
from diffopt_core.types import Unit, map_tensors
from scenes import held, seen, true_scene


def problem(scales: torch.Tensor, noise: float, unit: Unit = "guess"):
    """True motion as the distilled one; the camera's path wrong by ``scales`` and the lifted person with it."""
    motion, camera, body = true_scene(clips=len(scales), frames=60, travel=2.0)
    wrong = CameraResidual(replace(map_tensors(camera, torch.clone), unit=unit), CameraSpec())
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


@pytest.mark.parametrize("mode", ["distilled", "stance"])
def test_a_path_in_metres_is_left_alone(mode):
    made, _ = problem(torch.tensor([0.4, 2.5]), 0.0, "metre")
    before, initial = made.camera.base.t.clone(), made.ctx.initial.trans.clone()
    assert rescale(made, ScaleSpec(mode=mode)).tolist() == [1.0, 1.0]
    assert torch.equal(made.camera.base.t, before) and torch.equal(made.ctx.initial.trans, initial)
    assert not made.representation.shifted[0].any()
