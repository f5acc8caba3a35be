"""Rotations and kinematics by component: equal to the plain formulas, in value and gradient."""

from __future__ import annotations

import pytest
import torch
from diffopt_core.data.chain import as_matrices, bones, by_component, chain, gram_schmidt, kinematics
from diffopt_core.data.skeleton import PARENTS
from torch import Tensor


def rotations(*batch: int) -> Tensor:
    q, _ = torch.linalg.qr(torch.randn(*batch, 24, 3, 3, dtype=torch.float64))
    return q * torch.linalg.det(q)[..., None, None]


def plain(pose: Tensor, offsets: Tensor) -> Tensor:
    """Joint by joint: rotations and positions, ``*b 24 3 4``."""
    turn, place = [pose[..., 0, :, :]], [torch.zeros_like(pose[..., 0, :, 0])]
    for joint, parent in enumerate(PARENTS[1:], start=1):
        place.append(place[parent] + (turn[parent] @ offsets[..., joint, :].unsqueeze(-1)).squeeze(-1))
        turn.append(turn[parent] @ pose[..., joint, :, :])
    return torch.cat([torch.stack(turn, -3), torch.stack(place, -2).unsqueeze(-1)], -1)


@pytest.mark.parametrize("batch", [(), (4,), (2, 4), (2, 3, 4)])
def test_kinematics_are_the_plain_ones(batch: tuple[int, ...]) -> None:
    pose, rest = rotations(*batch), torch.randn(24, 3, dtype=torch.float64)
    found = as_matrices(kinematics(pose, bones(rest, PARENTS), PARENTS)).reshape(*batch, 24, 3, 4)
    torch.testing.assert_close(found, plain(pose, bones(rest, PARENTS)).expand_as(found))


def test_planes_come_back_without_a_copy() -> None:
    planes = torch.randn(2, 3, 3, 24, 5)
    assert by_component(as_matrices(planes)).data_ptr() == planes.data_ptr()
    torch.testing.assert_close(by_component(as_matrices(planes)), planes)


def test_gradients() -> None:
    six = torch.randn(2, 24, 6, 2, dtype=torch.float64, requires_grad=True)
    offsets = torch.randn(1, 3, 24, 1, dtype=torch.float64, requires_grad=True)

    def posed(six: Tensor, offsets: Tensor) -> Tensor:
        planes = six.movedim(2, 0)
        return chain(gram_schmidt(planes.unflatten(0, (2, 3))).movedim(2, 0), offsets, PARENTS)

    assert torch.autograd.gradcheck(posed, (six, offsets))


def test_a_column_of_zeros_stays_finite() -> None:
    first = torch.zeros(3, 1, requires_grad=True)
    turned = gram_schmidt(torch.stack([first, torch.ones(3, 1)]))
    (grad,) = torch.autograd.grad(turned.sum(), first)
    assert turned.isfinite().all() and grad.isfinite().all()


def test_joints_not_numbered_by_depth_are_refused() -> None:
    with pytest.raises(ValueError, match="depth"):
        chain(torch.eye(3).reshape(1, 3, 3, 1, 1).expand(1, 3, 3, 4, 2), torch.zeros(1, 3, 4, 1), (-1, 0, 1, 0))
