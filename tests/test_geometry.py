"""Cameras, projection, kinematics and alignment."""

from __future__ import annotations

import nemo_twin
import pytest
import roma
import torch
from diffopt_core.data import geometry as geo
from diffopt_core.data.pinhole import seen
from diffopt_core.data.rotation import axis_angle_to_matrix, columns_to_matrix
from diffopt_core.data.skeleton import COCO17, JOINTS, LAYOUTS, PARENTS, mirror_order
from diffopt_core.types import CameraTrajectory
from goldens import Arrays, golden
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

nemo = golden("nemo_field.npz", twin=nemo_twin.arrays)

_seed = st.integers(0, 2**16)
_quick = settings(max_examples=25, deadline=None)


def _draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_projection_agrees_with_nemo(nemo: Arrays) -> None:
    data = {key.removeprefix("projection/"): value for key, value in nemo.items() if key.startswith("projection/")}
    in_camera = geo.world_to_camera(data["points"], data["rotation"], data["translation"])
    assert (in_camera[..., 2] > 0.05).all()
    found = geo.project(in_camera, data["focal"].unsqueeze(-1).expand(-1, 2), data["center"])
    torch.testing.assert_close(found, data["out"], rtol=1e-5, atol=1e-2)


def test_alignment_agrees_with_nemo(nemo: Arrays) -> None:
    pred, gt = nemo["gmpjpe/pred"].flatten(0, 1), nemo["gmpjpe/gt"].flatten(0, 1)
    R, t, s = geo.align(pred, gt, scale=False)
    aligned = geo.transform(pred, R, t, s)
    torch.testing.assert_close(aligned, nemo["gmpjpe/aligned"].flatten(0, 1), rtol=1e-6, atol=1e-8)
    error = 1000 * (aligned - gt).norm(dim=-1).mean()
    torch.testing.assert_close(error, nemo["gmpjpe/mm"].double(), rtol=1e-6, atol=1e-6)


@given(seed=_seed)
@_quick
def test_world_to_camera_and_back(seed: int) -> None:
    points, R, t = _draw(seed, 2, 5, 3), axis_angle_to_matrix(_draw(seed + 1, 2, 3)), _draw(seed + 2, 2, 3)
    back = geo.camera_to_world(geo.world_to_camera(points, R, t), R, t)
    torch.testing.assert_close(back, points, rtol=0.0, atol=1e-9)
    for k in range(2):
        torch.testing.assert_close(geo.world_to_camera(points, R, t)[k, 0], R[k] @ points[k, 0] + t[k])


@given(seed=_seed)
@_quick
def test_camera_position_is_where_the_camera_sees_its_origin(seed: int) -> None:
    R, t = axis_angle_to_matrix(_draw(seed, 4, 3)), _draw(seed + 1, 4, 3)
    camera = CameraTrajectory(R, t, torch.ones(4, 2), torch.zeros(4, 2))
    origin = geo.world_to_camera(camera.position.unsqueeze(-2), R, t)
    torch.testing.assert_close(origin, torch.zeros_like(origin), rtol=0.0, atol=1e-9)


def test_points_behind_the_camera_stay_finite() -> None:
    points = torch.tensor([[0.1, 0.2, -1.0], [0.1, 0.2, 0.0], [0.1, 0.2, 2.0]], requires_grad=True)
    pixels = geo.project(points, torch.tensor([500.0, 500.0]), torch.tensor([320.0, 240.0]))
    (grad,) = torch.autograd.grad(pixels.sum(), [points])
    assert pixels.isfinite().all() and grad.isfinite().all()
    torch.testing.assert_close(pixels[2], torch.tensor([345.0, 290.0]))
    assert pixels[0, 0] > 320, "not mirrored"


@given(seed=_seed)
@_quick
def test_kinematics_agree_with_one_joint_at_a_time(seed: int) -> None:
    pose, rest = axis_angle_to_matrix(_draw(seed, 2, 3, 24, 3)), _draw(seed + 1, 2, 1, 24, 3)
    rotations, positions = geo.forward_kinematics(pose, rest, PARENTS)
    for b, f in ((0, 0), (1, 2)):
        R: list[Tensor] = [pose[b, f, 0]]
        x = [torch.zeros(3, dtype=torch.float64)]
        for j in range(1, 24):
            p = PARENTS[j]
            R.append(R[p] @ pose[b, f, j])
            x.append(x[p] + R[p] @ (rest[b, 0, j] - rest[b, 0, p]))
        torch.testing.assert_close(rotations[b, f], torch.stack(R), rtol=0.0, atol=1e-9)
        torch.testing.assert_close(positions[b, f], torch.stack(x), rtol=0.0, atol=1e-9)


def test_bones_keep_their_length() -> None:
    pose, rest = axis_angle_to_matrix(_draw(0, 6, 24, 3)), _draw(1, 24, 3)
    _, positions = geo.forward_kinematics(pose, rest, PARENTS)
    parents = list(PARENTS[1:])
    length = (positions[:, 1:] - positions[:, parents]).norm(dim=-1)
    torch.testing.assert_close(length, (rest[1:] - rest[parents]).norm(dim=-1).expand(6, -1))


@given(seed=_seed, scale=st.booleans())
@_quick
def test_alignment_finds_the_transform(seed: int, scale: bool) -> None:
    source = _draw(seed, 2, 8, 3)
    R, t = axis_angle_to_matrix(_draw(seed + 1, 2, 3)), _draw(seed + 2, 2, 3)
    s = torch.tensor([0.5, 2.0], dtype=torch.float64) if scale else torch.ones(2, dtype=torch.float64)
    target = geo.transform(source, R, t, s)
    found = geo.align(source, target, scale)
    for one, other in zip(found, (R, t, s), strict=True):
        torch.testing.assert_close(one, other, rtol=0.0, atol=1e-6)


@pytest.mark.parametrize("scale", [False, True])
def test_alignment_is_romas(scale: bool) -> None:
    source, target = _draw(1, 50, 22, 3), _draw(2, 50, 22, 3)
    theirs = roma.rigid_points_registration(source, target, compute_scaling=scale)
    for one, other in zip(geo.align(source, target, scale), theirs, strict=False):
        torch.testing.assert_close(one, other, rtol=0.0, atol=1e-12)


def test_alignment_never_mirrors() -> None:
    source = _draw(3, 10, 3)
    R, _, _ = geo.align(source, source * torch.tensor([-1.0, 1.0, 1.0]), scale=True)
    assert torch.linalg.det(R) > 0


def test_skeleton_is_a_tree_with_named_partners() -> None:
    assert len(JOINTS) == len(PARENTS) == 24
    assert all(parent < joint for joint, parent in enumerate(PARENTS))
    for names in LAYOUTS.values():
        order = mirror_order(names)
        assert [order[k] for k in order] == list(range(len(names)))
    assert mirror_order(COCO17)[5] == 6 and mirror_order(COCO17)[0] == 0


def test_what_a_camera_sees_is_the_projection_with_its_gradients() -> None:
    points, t, focal, centre = _draw(0, 2, 5, 7, 3), _draw(1, 2, 5, 3), _draw(2, 2, 5, 2), _draw(3, 2, 5, 2)
    R = columns_to_matrix(_draw(4, 2, 5, 6))
    free = [value.requires_grad_(True) for value in (points, R, t, focal)]
    in_camera = geo.world_to_camera(points, R, t)
    expected = geo.project(in_camera, focal, centre), in_camera[..., 2]
    assert (expected[1] < 0).any() and (expected[1] > 0.1).any(), "in front of the camera and behind it"
    found = seen(points, R, t, focal, centre)
    torch.testing.assert_close(found, expected)
    weights = _draw(5, 2, 5, 7, 2), _draw(6, 2, 5, 7)
    for ours, theirs in zip(
        torch.autograd.grad(found, free, weights), torch.autograd.grad(expected, free, weights), strict=True
    ):
        torch.testing.assert_close(ours, theirs)
