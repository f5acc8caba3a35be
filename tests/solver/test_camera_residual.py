"""The learnable camera of eq. 7 to 9."""

from __future__ import annotations

from dataclasses import replace

import torch
from diffopt_core.host.recipe import CameraSpec
from diffopt_core.solver.variables import CameraResidual
from diffopt_core.types import map_tensors
from scenes import true_scene


def residual(spec: CameraSpec | None = None) -> CameraResidual:
    _, camera, _ = true_scene()
    return CameraResidual(replace(map_tensors(camera, torch.clone), unit="guess"), spec or CameraSpec())


def test_it_starts_at_the_given_camera():
    camera = residual()
    for name in ("R", "t", "focal", "centre"):
        torch.testing.assert_close(getattr(camera.camera(), name), getattr(camera.base, name), atol=1e-5, rtol=0)


def test_the_scale_stretches_the_path_about_its_start():
    camera = residual()
    camera.variables()["scale"][0].fill_(2.0)
    start = camera.base.position[:, :1]
    torch.testing.assert_close(
        camera.camera().position, start + 2.0 * (camera.base.position - start), atol=1e-4, rtol=0
    )


def test_rotations_stay_rotations_under_any_bias():
    camera = residual()
    camera.variables()["rotation"][0].normal_(std=0.5, generator=torch.Generator().manual_seed(1))
    R = camera.camera().R
    torch.testing.assert_close(R @ R.mT, torch.eye(3).expand_as(R), atol=1e-5, rtol=0)


def test_one_value_a_clip_where_asked():
    camera = residual(CameraSpec(scale="clip", focal="clip"))
    shapes = {name: tuple(leaves[0].shape) for name, leaves in camera.variables().items()}
    assert shapes == {"rotation": (2, 24, 6), "scale": (2, 1, 1), "translation": (2, 24, 3), "focal": (2, 1, 1)}
    assert camera.camera().focal.shape == (2, 24, 2)


def test_rescale_equals_the_scale_variable_and_starts_anew():
    camera, other = residual(), residual()
    other.variables()["scale"][0].copy_(torch.tensor([0.5, 3.0]).view(2, 1, 1).expand(2, 24, 1))
    before = camera.base.position
    moved = camera.rescale(torch.tensor([0.5, 3.0]))
    torch.testing.assert_close(camera.camera().position, other.camera().position, atol=1e-4, rtol=0)
    torch.testing.assert_close(camera.base.position - before, moved, atol=1e-4, rtol=0)
    assert float((camera.variables()["scale"][0] - 1).abs().max()) == 0


def test_gradients():
    spec = CameraSpec(scale="clip")
    _, camera, _ = true_scene(1, 3)
    camera = map_tensors(camera, torch.Tensor.double)
    model = CameraResidual(camera, spec)
    leaves = [leaf.requires_grad_(True) for leaves in model.variables().values() for leaf in leaves]

    def outputs(*_):
        moved = model.camera()
        return moved.R, moved.t, moved.focal

    assert torch.autograd.gradcheck(outputs, tuple(leaves))


def slope(camera: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
    """Least-squares length of each path over the given one's."""
    given = base - base.mean(1, keepdim=True)
    return ((camera - camera.mean(1, keepdim=True)) * given).sum((1, 2)) / given.square().sum((1, 2))


def test_a_path_in_metres_keeps_its_scale_whatever_is_free():
    free = residual()
    metric = CameraResidual(replace(map_tensors(free.base, torch.clone), unit="metre"), CameraSpec())
    torch.testing.assert_close(metric.camera().t, metric.base.t, atol=1e-5, rtol=0)
    back = metric.base.R @ (metric.base.position - metric.base.position[:, :1]).unsqueeze(-1)
    for camera in (free, metric):
        camera.variables()["scale"][0].fill_(0.5)
        camera.variables()["translation"][0].copy_(0.4 * back.squeeze(-1))  # draws every camera towards the first
    assert float(slope(free.camera().position, free.base.position).max()) < 0.2
    torch.testing.assert_close(slope(metric.camera().position, metric.base.position), torch.ones(2), atol=0.01, rtol=0)


def test_a_metric_camera_that_stands_may_still_be_moved():
    _, camera, _ = true_scene()
    stands = replace(camera, t=-(camera.R @ torch.tensor([0.0, 1.4, 4.0])), unit="metre")
    model = CameraResidual(stands, CameraSpec())
    model.variables()["translation"][0].fill_(0.1)
    moved = model.camera().t - stands.t
    torch.testing.assert_close(moved, torch.full_like(moved, 0.1), atol=1e-4, rtol=0)
