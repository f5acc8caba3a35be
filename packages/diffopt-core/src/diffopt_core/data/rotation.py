"""Rotations: matrices, axis-angle vectors, unit quaternions, and the three common 6D layouts.

Matrices are active and act on columns: ``v_parent = R v_child``. Axis-angle in radians. Quaternions are x y z w.
6D layouts (see ``docs/conventions.md``):

- ``columns``      first two columns, concatenated (HumanML3D, 4D-Humans)
- ``interleaved``  first two columns, row by row   (SPIN, HMR, VIBE, PHALP, NeMo, VPoser, HuMoR)
- ``rows``         first two rows, concatenated    (pytorch3d)
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from .chain import gram_schmidt
from .invariant import atan2

#: Below this angle (rad) Rodrigues' formula would divide by almost zero.
_SMALL = 1e-6


def axis_angle_to_matrix(axis_angle: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3 3"]:
    """Rotation matrix of an axis-angle vector (radians), by Rodrigues' formula; to first order next to zero."""
    vector = axis_angle.reshape(-1, 3)
    angle = vector.norm(dim=-1)
    x, y, z = (vector / angle.unsqueeze(-1).clamp_min(_SMALL)).unbind(-1)
    sin, versine = angle.sin(), 1 - angle.cos()
    xs, ys, zs = x * sin, y * sin, z * sin
    xy, xz, yz = x * y * versine, x * z * versine, y * z * versine
    xx, yy, zz = x**2 * versine, y**2 * versine, z**2 * versine
    turned = [1 - yy - zz, xy - zs, xz + ys, xy + zs, 1 - xx - zz, yz - xs, xz - ys, yz + xs, 1 - xx - yy]
    x, y, z = vector.unbind(-1)
    one = torch.ones_like(x)
    nudged = torch.stack([one, -z, y, z, one, -x, -y, x, one], dim=-1)
    flat = torch.where((angle < _SMALL).unsqueeze(-1), nudged, torch.stack(turned, dim=-1))
    return flat.reshape(*axis_angle.shape[:-1], 3, 3)


def matrix_to_axis_angle(matrix: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 3"]:
    """Axis-angle vector (radians, norm at most pi) of a rotation matrix."""
    quaternion = matrix_to_quaternion(matrix)
    quaternion = quaternion * torch.where(quaternion[..., 3:] > 0, 1.0, -1.0)
    axis, w = quaternion[..., :3], quaternion[..., 3]
    half = atan2(axis.norm(dim=-1), w)
    # half / sin(half), by its series where the derivative of the quotient would lose precision
    small = half.abs() < 2 * torch.finfo(half.dtype).eps ** (1 / 6)
    ratio = torch.where(small, 1 + half**2 / 6 + 7 * half**4 / 360, half / torch.where(small, 1.0, half.sin()))
    return (2 * ratio).unsqueeze(-1) * axis


def quaternion_to_matrix(quaternion: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b 3 3"]:
    """Rotation matrix of a unit quaternion (x y z w)."""
    x, y, z, w = quaternion.unbind(-1)
    xx, yy, zz, ww = x * x, y * y, z * z, w * w
    xy, zw, xz, yw, yz, xw = x * y, z * w, x * z, y * w, y * z, x * w
    entries = [
        xx - yy - zz + ww, 2 * (xy - zw), 2 * (xz + yw),
        2 * (xy + zw), -xx + yy - zz + ww, 2 * (yz - xw),
        2 * (xz - yw), 2 * (yz + xw), -xx - yy + zz + ww,
    ]  # fmt: skip
    return torch.stack(entries, dim=-1).unflatten(-1, (3, 3))


def matrix_to_quaternion(matrix: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 4"]:
    """Unit quaternion (x y z w) of a rotation matrix, of either sign. The four rows of ``4 q q^T`` are sums of matrix
    elements; the largest row is normalised (Markley 2008). Also works for slightly inexact matrices."""
    (a, b, c), (d, e, f), (g, h, i) = (row.unbind(-1) for row in matrix.unbind(-2))
    xy, xz, yz = d + b, g + c, h + f
    xw, yw, zw = h - f, c - g, d - b
    rows = [
        1 + a - e - i, xy, xz, xw,
        xy, 1 + e - i - a, yz, yw,
        xz, yz, 1 + i - a - e, zw,
        xw, yw, zw, 1 + a + e + i,
    ]  # fmt: skip
    outer = torch.stack(rows, dim=-1).unflatten(-1, (4, 4))
    largest = outer.diagonal(dim1=-2, dim2=-1).argmax(-1)
    row = outer.gather(-2, largest[..., None, None].expand(*largest.shape, 1, 4)).squeeze(-2)
    return row / row.norm(dim=-1, keepdim=True)


def columns_to_matrix(d6: Float[Tensor, "*b 6"]) -> Float[Tensor, "*b 3 3"]:
    """Gram-Schmidt on two concatenated columns (Zhou et al. 2019, sec. B)."""
    planes = _planes(d6)
    return gram_schmidt(planes.unflatten(0, (2, 3))).movedim((0, 1), (-2, -1))


def interleaved_to_matrix(d6: Float[Tensor, "*b 6"]) -> Float[Tensor, "*b 3 3"]:
    """As :func:`columns_to_matrix` for the layout in which column k holds elements 2 i + k."""
    planes = _planes(d6)
    return gram_schmidt(planes.unflatten(0, (3, 2)).transpose(0, 1)).movedim((0, 1), (-2, -1))


def _planes(d6: Float[Tensor, "*b 6"]) -> Float[Tensor, "6 *b"]:
    planes = d6.movedim(-1, 0)
    return planes.contiguous() if d6.stride(-1) == 1 else planes


def matrix_to_columns(matrix: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 6"]:
    """First two columns, concatenated."""
    return matrix[..., :2].mT.flatten(-2)


def matrix_to_interleaved(matrix: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 6"]:
    """First two columns, row by row."""
    return matrix[..., :2].flatten(-2)


def nearest_rotation(matrix: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 3 3"]:
    """Rotation nearest to any matrix in the Frobenius norm (orthogonal Procrustes), found in float64."""
    exact = matrix if matrix.device.type == "mps" else matrix.double()  # mps has no float64
    U, _, Vh = torch.linalg.svd(exact)
    mirrored = torch.linalg.det(U @ Vh) < 0
    last = torch.where(mirrored[..., None, None], -U[..., 2:], U[..., 2:])
    return (torch.cat([U[..., :2], last], dim=-1) @ Vh).to(matrix.dtype)


def geodesic(a: Float[Tensor, "*#b 3 3"], b: Float[Tensor, "*#b 3 3"]) -> Float[Tensor, "*b"]:
    """Angle between two rotations, radians: the chord ``|b - a|`` is ``2 sqrt(2) sin(angle / 2)``."""
    chord = (b - a).norm(dim=(-1, -2))
    return 2.0 * torch.asin((chord * (1 / 8**0.5)).clamp_max(1.0))


def slerp(a: Float[Tensor, "*#b 3 3"], b: Float[Tensor, "*#b 3 3"], s: Float[Tensor, "*#b"]) -> Float[Tensor, "*b 3 3"]:
    """Shortest-path interpolation from ``a`` (s = 0) to ``b`` (s = 1); ``s`` broadcasts."""
    step = matrix_to_axis_angle(a.mT @ b)
    return a @ axis_angle_to_matrix(step * s.unsqueeze(-1))


def yaw_to_matrix(angle: Float[Tensor, "*b"]) -> Float[Tensor, "*b 3 3"]:
    """Rotation about +Y by an angle in radians."""
    zero = torch.zeros_like(angle)
    return axis_angle_to_matrix(torch.stack([zero, angle, zero], dim=-1))
