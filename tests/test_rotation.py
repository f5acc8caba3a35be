"""Rotations: agreement with pytorch3d, HumanML3D, SPIN and 4D-Humans, and what must hold of any rotation."""

from __future__ import annotations

from math import pi

import nemo_twin
import pytest
import roma
import torch
from diffopt_core.data import rotation as rot
from goldens import Arrays, golden
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from torch import Tensor

official = golden("rotations.npz")

_vector = st.tuples(*[st.floats(-3.0, 3.0)] * 3)
_six = st.tuples(*[st.floats(-2.0, 2.0)] * 6)
_quick = settings(max_examples=40, deadline=None)

LAYOUTS = {
    "columns": (rot.matrix_to_columns, rot.columns_to_matrix),
    "interleaved": (rot.matrix_to_interleaved, rot.interleaved_to_matrix),
}


def _matrix(vector: tuple[float, ...]) -> Tensor:
    return rot.axis_angle_to_matrix(torch.tensor(vector, dtype=torch.float64))


def _is_rotation(matrix: Tensor) -> None:
    product = matrix @ matrix.mT
    torch.testing.assert_close(product, torch.eye(3, dtype=matrix.dtype).expand_as(product), rtol=0.0, atol=1e-6)
    assert (torch.linalg.det(matrix) > 0).all()


def test_axis_angle_agrees(official: Arrays) -> None:
    found = rot.axis_angle_to_matrix(official["axis_angle"])
    torch.testing.assert_close(found, official["p3d/matrix"], rtol=0, atol=1e-6)
    again = Rotation.from_rotvec(official["axis_angle"].double().numpy()).as_matrix()
    torch.testing.assert_close(found, torch.from_numpy(again).float(), rtol=0, atol=1e-6)


def test_matrix_to_axis_angle_agrees_with_pytorch3d(official: Arrays) -> None:
    found = rot.matrix_to_axis_angle(official["p3d/matrix"])
    # Near half a turn the vector and its opposite are the same rotation.
    turned = rot.axis_angle_to_matrix(official["p3d/matrix_to_axis_angle"])
    torch.testing.assert_close(rot.axis_angle_to_matrix(found), turned, rtol=0.0, atol=5e-6)
    torch.testing.assert_close(
        found.norm(dim=-1), official["p3d/matrix_to_axis_angle"].norm(dim=-1), rtol=0.0, atol=2e-3
    )


@pytest.mark.parametrize(
    ("write", "source", "key"),
    [
        (rot.matrix_to_columns, "hml/quat_to_matrix", "hml/rot6d_from_quat"),
    ],
)
def test_six_numbers_are_written_as(official: Arrays, write, source: str, key: str) -> None:
    torch.testing.assert_close(write(official[source]), official[key], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("read", "key"),
    [
        (rot.columns_to_matrix, "hml/raw6d_to_matrix"),
        (rot.columns_to_matrix, "hmr2/raw6d_to_matrix"),
    ],
)
def test_raw_six_numbers_are_read_as(official: Arrays, read, key: str) -> None:
    torch.testing.assert_close(read(official["raw6d"]), official[key], rtol=0, atol=2e-6)


def test_interleaved_numbers_agree_with_their_definition(official: Arrays) -> None:
    """Two columns side by side, row by row, as in SPIN, VPoser and NeMo: here in float64 a second time."""
    matrices = official["p3d/matrix"]
    written = matrices.double()[:, :, :2].reshape(len(matrices), 6)
    torch.testing.assert_close(rot.matrix_to_interleaved(matrices), written.float(), rtol=0, atol=0)
    read = torch.from_numpy(nemo_twin.rotations(official["raw6d"].double().numpy())[:, 0])
    torch.testing.assert_close(rot.interleaved_to_matrix(official["raw6d"]), read.float(), rtol=0, atol=2e-6)


@given(vector=_vector)
@_quick
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_come_back(layout: str, vector: tuple[float, ...]) -> None:
    write, read = LAYOUTS[layout]
    matrix = _matrix(vector)
    torch.testing.assert_close(read(write(matrix)), matrix, rtol=0.0, atol=1e-9)


@given(six=_six)
@_quick
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_six_independent_numbers_give_a_rotation(layout: str, six: tuple[float, ...]) -> None:
    numbers = torch.tensor(six, dtype=torch.float64)
    first, second = (numbers[::2], numbers[1::2]) if layout == "interleaved" else (numbers[:3], numbers[3:])
    if torch.linalg.cross(first, second).norm() < 1e-3:
        return
    _is_rotation(LAYOUTS[layout][1](numbers))


def test_layouts_differ() -> None:
    matrix = _matrix((0.3, -0.8, 0.5))
    written = [write(matrix) for write, _ in LAYOUTS.values()]
    assert all(not torch.allclose(written[i], written[j]) for i in range(2) for j in range(i))


@pytest.mark.parametrize("six", [[0.0] * 6, [1.0, 0.0, 0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_gradient_of_degenerate_numbers_is_finite(layout: str, six: list[float]) -> None:
    numbers = torch.tensor(six, requires_grad=True)
    matrix = LAYOUTS[layout][1](numbers)
    (grad,) = torch.autograd.grad((matrix * torch.arange(9.0).view(3, 3)).sum(), [numbers])
    assert matrix.isfinite().all() and grad.isfinite().all()


@given(vector=_vector)
@_quick
def test_axis_angle_comes_back(vector: tuple[float, ...]) -> None:
    matrix = _matrix(vector)
    _is_rotation(matrix)
    back = rot.matrix_to_axis_angle(matrix)
    assert back.norm() <= pi + 1e-9
    torch.testing.assert_close(rot.axis_angle_to_matrix(back), matrix, rtol=0.0, atol=1e-7)


@given(a=_vector, b=_vector)
@_quick
def test_geodesic_is_a_distance(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    one, two = _matrix(a), _matrix(b)
    there, back = rot.geodesic(one, two), rot.geodesic(two, one)
    assert 0 <= there <= pi + 1e-9
    torch.testing.assert_close(there, back, rtol=0.0, atol=1e-6)
    turn = _matrix((0.4, 0.1, -0.9))
    torch.testing.assert_close(rot.geodesic(turn @ one, turn @ two), there, rtol=0.0, atol=1e-6)


@given(a=_vector, b=_vector, s=st.floats(0.0, 1.0))
@_quick
def test_slerp_divides_the_way(a: tuple[float, ...], b: tuple[float, ...], s: float) -> None:
    one, two = _matrix(a), _matrix(b)
    whole = rot.geodesic(one, two)
    middle = rot.slerp(one, two, torch.tensor(s, dtype=torch.float64))
    torch.testing.assert_close(rot.geodesic(one, middle), s * whole, rtol=0.0, atol=1e-5)


@given(vector=_vector)
@_quick
def test_nearest_rotation_keeps_rotations_and_mends_others(vector: tuple[float, ...]) -> None:
    matrix = _matrix(vector)
    torch.testing.assert_close(rot.nearest_rotation(2.0 * matrix), matrix, rtol=0.0, atol=1e-8)
    mended = rot.nearest_rotation(matrix + 0.1 * torch.arange(9.0, dtype=torch.float64).view(3, 3).sin())
    _is_rotation(mended)
    _is_rotation(rot.nearest_rotation(-matrix))


def _turns(dtype: torch.dtype) -> Tensor:
    """Axis-angle vectors of every size, nothing and half a turn among them, in an order that memory does not have."""
    size = torch.cat([torch.zeros(1), torch.logspace(-9, 0.5, 38), torch.tensor([pi])])
    axis = torch.nn.functional.normalize(torch.randn(22, 40, 3, generator=torch.Generator().manual_seed(0)), dim=-1)
    return (axis * size[:, None]).to(dtype).transpose(0, 1)


ROMA = {
    "axis_angle_to_matrix": (rot.axis_angle_to_matrix, roma.rotvec_to_rotmat, lambda v: v),
    "matrix_to_axis_angle": (rot.matrix_to_axis_angle, roma.rotmat_to_rotvec, roma.rotvec_to_rotmat),
    "quaternion_to_matrix": (rot.quaternion_to_matrix, roma.unitquat_to_rotmat, roma.rotvec_to_unitquat),
    "matrix_to_quaternion": (rot.matrix_to_quaternion, roma.rotmat_to_unitquat, roma.rotvec_to_rotmat),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ROMA)
def test_values_and_gradients_are_romas(name: str, dtype: torch.dtype) -> None:
    """Bit for bit, but for the angle of a matrix: torch's last elements are rounded by another code than the rest."""
    ours, theirs, start = ROMA[name]
    found = []
    for function in (ours, theirs):
        x = start(_turns(dtype)).detach().requires_grad_(True)
        out = function(x)
        weights = torch.linspace(0.3, 1.7, out.numel(), dtype=dtype).view_as(out)
        found.append((out.detach(), *torch.autograd.grad((weights * out).sum(), [x])))
    rounding = 4 * torch.finfo(dtype).eps if name == "matrix_to_axis_angle" else 0.0
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=rounding, atol=rounding)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nearest_rotation_and_geodesic_are_romas(dtype: torch.dtype) -> None:
    matrix = torch.randn(500, 3, 3, generator=torch.Generator().manual_seed(1)).to(dtype)
    found, theirs = rot.nearest_rotation(matrix), roma.special_procrustes(matrix)
    tolerance = 0.0 if dtype is torch.float32 else 1e-12
    torch.testing.assert_close(found, theirs, rtol=0.0, atol=tolerance)
    assert torch.equal(rot.geodesic(found, found.flip(0)), roma.rotmat_geodesic_distance(found, found.flip(0)))


def test_yaw_turns_forward_to_the_left() -> None:
    turned = rot.yaw_to_matrix(torch.tensor(pi / 2)) @ torch.tensor([0.0, 0.0, 1.0])
    torch.testing.assert_close(turned, torch.tensor([1.0, 0.0, 0.0]), rtol=0.0, atol=1e-6)
