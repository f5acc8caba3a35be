"""Rotations: thin, named fronts over roma, and the four 6D layouts that the field confuses.

Matrices are active and act on columns: ``v_parent = R v_child``. Axis-angle in radians.
6D layouts (see ``docs/conventions.md``):

- ``columns``      first two columns, concatenated (HumanML3D, 4D-Humans)
- ``interleaved``  first two columns, row by row   (SPIN, HMR, VIBE, PHALP, NeMo, VPoser, HuMoR)
- ``rows``         first two rows, concatenated    (pytorch3d)
"""

from __future__ import annotations

import roma
import torch
from jaxtyping import Float
from torch import Tensor


def axis_angle_to_matrix(axis_angle: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3 3"]:
    """Rotation matrix of an axis-angle vector (radians)."""
    return roma.rotvec_to_rotmat(axis_angle)


def matrix_to_axis_angle(matrix: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 3"]:
    """Axis-angle vector (radians, norm at most pi) of a rotation matrix."""
    return roma.rotmat_to_rotvec(matrix)


def columns_to_matrix(d6: Float[Tensor, "*b 6"]) -> Float[Tensor, "*b 3 3"]:
    """Gram-Schmidt on two concatenated columns (Zhou et al. 2019, sec. B)."""
    first, second = d6[..., :3], d6[..., 3:]
    x = torch.nn.functional.normalize(first, dim=-1)
    y = torch.nn.functional.normalize(second - (x * second).sum(-1, keepdim=True) * x, dim=-1)
    return torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1)


def interleaved_to_matrix(d6: Float[Tensor, "*b 6"]) -> Float[Tensor, "*b 3 3"]:
    """As :func:`columns_to_matrix` for the layout in which column k holds elements 2 i + k."""
    pairs = d6.unflatten(-1, (3, 2))
    return columns_to_matrix(torch.cat([pairs[..., 0], pairs[..., 1]], dim=-1))


def rows_to_matrix(d6: Float[Tensor, "*b 6"]) -> Float[Tensor, "*b 3 3"]:
    """As :func:`columns_to_matrix` for pytorch3d's layout (the two vectors are rows)."""
    return columns_to_matrix(d6).mT


def matrix_to_columns(matrix: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 6"]:
    """First two columns, concatenated."""
    return matrix[..., :2].mT.flatten(-2)


def matrix_to_interleaved(matrix: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 6"]:
    """First two columns, row by row."""
    return matrix[..., :2].flatten(-2)


def matrix_to_rows(matrix: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 6"]:
    """First two rows, concatenated."""
    return matrix[..., :2, :].flatten(-2)


def nearest_rotation(matrix: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 3 3"]:
    """Rotation nearest to any matrix in the Frobenius norm (orthogonal Procrustes)."""
    return roma.special_procrustes(matrix)


def geodesic(a: Float[Tensor, "*b 3 3"], b: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b"]:
    """Angle between two rotations, radians."""
    return roma.rotmat_geodesic_distance(a, b)


def slerp(a: Float[Tensor, "*b 3 3"], b: Float[Tensor, "*b 3 3"], s: Tensor) -> Float[Tensor, "*b 3 3"]:
    """Shortest-path interpolation from ``a`` (s = 0) to ``b`` (s = 1); ``s`` broadcasts."""
    step = matrix_to_axis_angle(a.mT @ b)
    return a @ axis_angle_to_matrix(step * s.unsqueeze(-1))


def yaw_to_matrix(angle: Float[Tensor, "*b"]) -> Float[Tensor, "*b 3 3"]:
    """Rotation about +Y by an angle in radians."""
    zero = torch.zeros_like(angle)
    return axis_angle_to_matrix(torch.stack([zero, angle, zero], dim=-1))
