"""The small shared parts of the terms: means over frames, rotation distances, the soft logarithm."""

from __future__ import annotations

from math import log, pi

import pytest
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.host.testing import forbid_host_sync
from diffopt_core.parts.terms.kit import frame_mean, logarithm, soft_log, span, squared_distance, steps
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

_valid = st.lists(st.booleans(), min_size=1, max_size=12)
_vector = st.tuples(*[st.floats(-4.0, 4.0)] * 3)
_quick = settings(max_examples=40, deadline=None)


@given(valid=_valid)
@_quick
def test_frame_mean_counts_the_marked_frames(valid: list[bool]) -> None:
    values = torch.arange(len(valid), dtype=torch.float64)
    chosen = [float(v) for v, keep in zip(values, valid, strict=True) if keep]
    expected = sum(chosen) / len(chosen) if chosen else 0.0
    assert frame_mean(values[None], torch.tensor([valid])).item() == pytest.approx(expected)


@given(valid=_valid, gap=st.integers(1, 3), order=st.integers(1, 3))
@_quick
def test_span_and_steps(valid: list[bool], gap: int, order: int) -> None:
    marked = [k for k, keep in enumerate(valid) if keep]
    expected = [bool(marked) and marked[0] <= k <= marked[-1] for k in range(len(valid))]
    assert span(torch.tensor([valid]))[0].tolist() == expected
    whole = [all(valid[k + gap * i] for i in range(order + 1)) for k in range(max(len(valid) - gap * order, 0))]
    assert steps(torch.tensor([valid]), gap, order)[0].tolist() == whole


def _matrix(vector: tuple[float, ...]) -> Tensor:
    return axis_angle_to_matrix(torch.tensor(vector, dtype=torch.float64))


@given(vector=_vector)
@_quick
def test_logarithm_inverts_the_exponential(vector: tuple[float, ...]) -> None:
    back = logarithm(_matrix(vector))
    assert back.norm() <= pi + 1e-9
    torch.testing.assert_close(axis_angle_to_matrix(back), _matrix(vector), rtol=0.0, atol=1e-7)


@given(a=_vector, b=_vector)
@_quick
def test_distances_agree_with_the_angle(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    one, two = _matrix(a), _matrix(b)
    geodesic = squared_distance(one, two, "geodesic")
    torch.testing.assert_close(squared_distance(two, one, "geodesic"), geodesic, rtol=1e-6, atol=1e-9)
    chordal = 8 * (geodesic.sqrt() / 2).sin().square()
    torch.testing.assert_close(squared_distance(one, two, "chordal"), chordal, rtol=1e-6, atol=1e-9)


_AXES = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.6, -0.8, 0.0), (0.36, 0.48, -0.8)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("metric", ["chordal", "geodesic", "axis_angle"])
def test_gradients_are_finite_from_no_turn_to_half_a_turn(metric: str, dtype: torch.dtype) -> None:
    sizes = [0.0, 1e-12, 1e-7, 1e-4, 0.1, 3.0, pi - 1e-4, pi - 1e-7, pi]
    vectors = torch.tensor([[s * a for a in axis] for s in sizes for axis in _AXES], dtype=dtype)
    matrices = axis_angle_to_matrix(vectors).requires_grad_(True)
    identity = torch.eye(3, dtype=dtype).expand_as(matrices)
    value = squared_distance(matrices, identity, metric)  # type: ignore[arg-type]
    (grad,) = torch.autograd.grad(value.sum(), [matrices])
    assert value.isfinite().all() and grad.isfinite().all()
    assert grad.abs().max() < 100, "the gradient explodes"
    if metric != "chordal":
        expected = vectors.square().sum(-1)
        torch.testing.assert_close(value.detach(), expected, rtol=1e-3, atol=1e-5 if dtype == torch.float32 else 1e-9)


def test_logarithm_never_waits_for_the_device() -> None:
    matrices = axis_angle_to_matrix(torch.randn(5, 3, generator=torch.Generator().manual_seed(0)))
    with forbid_host_sync():
        logarithm(matrices)


def test_soft_log_is_smooth_where_it_changes_over() -> None:
    scale = torch.tensor([-1.0, 0.0, 0.01 - 1e-9, 0.01 + 1e-9, 1.0, 3.0], dtype=torch.float64, requires_grad=True)
    value = soft_log(scale)
    (grad,) = torch.autograd.grad(value.sum(), [scale])
    assert value[4] == 0.0 and value[5].item() == pytest.approx(log(3.0))
    assert (value.diff() > 0).all() and grad.isfinite().all()
    torch.testing.assert_close(grad[2], grad[3], rtol=1e-5, atol=0.0)
