"""Convert poses written by SLAM systems to ``x_cam = R x_world + t``. NumPy, double precision."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from diffopt_core.errors import BadInput

#: The stored columns of x, y, z, w for each order of a quaternion.
ORDERS: dict[str, tuple[int, int, int, int]] = {
    "xyzw": (0, 1, 2, 3),
    "wxyz": (1, 2, 3, 0),
    "yzwx": (3, 0, 1, 2),  # early DPVO text files: x y z w read as w x y z, then reordered again
}
#: A larger deviation of a quaternion's norm from 1 is not rounding.
NORM_TOLERANCE = 0.05
#: If the first camera is this close to the identity in another order (rad, half angle), that order was used.
_NEAR = 0.1


def quaternions_to_matrices(q: np.ndarray) -> np.ndarray:
    """Rotation matrices (N 3 3) of unit quaternions x y z w (N 4); q and -q give the same one."""
    x, y, z, w = q.T
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    )
    return np.stack([np.stack(row, -1) for row in rows], -2)


def invert(R: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The inverse rigid transforms: camera-to-world becomes world-to-camera, and back."""
    back = R.swapaxes(-1, -2)
    return back, -np.einsum("nij,nj->ni", back, t)


def read_quaternions(q: np.ndarray, order: str, path: Path, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Rotation matrices (N 3 3) and which rows are valid; ``q`` N 4 as stored. Rows with NaN and rows of four zeros are
    invalid (the identity is returned). Raises BadInput if norms are far from 1 (wrong columns), or, with ``auto``, if
    the first camera indicates another order.
    """
    norms = np.linalg.norm(np.nan_to_num(q), axis=-1)
    solved = np.isfinite(q).all(-1) & (norms > 1e-9)
    if not solved.any():
        raise BadInput(path, key, "holds no pose (all rows are NaN or empty)")
    worst = int(np.argmax(np.where(solved, np.abs(norms - 1), 0.0)))
    if abs(norms[worst] - 1) > NORM_TOLERANCE:
        problem = f"quaternion {worst} has norm {norms[worst]:.3g}, expected 1"
        raise BadInput(path, key, f"{problem}; are the columns tx ty tz qx qy qz qw?")
    if order == "auto":
        order = "xyzw"
        _look_at_first(q[np.argmax(solved)], path, key)
    q = np.where(solved[:, None], q, 0.0)[:, ORDERS[order]]
    q[~solved] = (0.0, 0.0, 0.0, 1.0)
    return quaternions_to_matrices(q / np.linalg.norm(q, axis=-1, keepdims=True)), solved


def _look_at_first(q: np.ndarray, path: Path, key: str) -> None:
    """Check the order on the first quaternion: a SLAM system's first camera is its world, hence close to the
    identity."""
    for order, columns in ORDERS.items():
        if order != "xyzw" and abs(q[columns[3]]) > np.cos(_NEAR):
            raise BadInput(
                path, key,
                f"the first quaternion is ({', '.join(f'{v:.3f}' for v in q)}): in the order "
                "x y z w the camera would start half a turn off; the order is probably "
                f"{' '.join(order)}. Give --set camera.quaternion={order}, or xyzw to keep x y z w",
            )  # fmt: skip


def read_pose7(
    poses: np.ndarray, order: str, path: Path, key: str, camera_to_world: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``R``, ``t`` (world to camera) and which rows are valid, from rows tx ty tz and a quaternion (N 7).

    Raises BadInput for other columns.
    """
    there = poses[np.isfinite(poses).all(-1) & (poses != 0).any(-1)]
    if len(there) and abs(np.median(np.linalg.norm(there[:, 3:], axis=-1)) - 1) > NORM_TOLERANCE:
        swapped = np.median(np.abs(np.linalg.norm(there[:, :4], axis=-1) - 1)) < 1e-3
        what = "the quaternion is first" if swapped else "columns 4 to 7 are not unit quaternions"
        raise BadInput(path, key, f"{what}; expected tx ty tz qx qy qz qw in each row")
    R, solved = read_quaternions(poses[:, 3:], order, path, key)
    t = poses[:, :3]
    solved &= np.isfinite(t).all(-1)
    t = np.where(solved[:, None], t, 0.0)
    if camera_to_world:
        R, t = invert(R, t)
    return R, t, solved


def read_matrices(
    R: np.ndarray, t: np.ndarray, path: Path, keys: Sequence[str], camera_to_world: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As :func:`read_pose7`, from rotation matrices (N 3 3), made exactly orthogonal, and translations (N 3). Raises
    BadInput for matrices that are not rotations (scaled, mirrored).
    """
    solved = np.isfinite(R).all((-1, -2)) & np.isfinite(t).all(-1) & (np.abs(np.nan_to_num(R)).max((-1, -2)) > 1e-9)
    if not solved.any():
        raise BadInput(path, keys[0], "holds no pose (all rows are NaN or empty)")
    R = np.where(solved[:, None, None], R, np.eye(3))
    t = np.where(solved[:, None], t, 0.0)
    off = np.abs(R @ R.swapaxes(-1, -2) - np.eye(3)).max((-1, -2))
    worst = int(off.argmax())
    if off[worst] > 0.02:
        raise BadInput(path, keys[0], f"matrix {worst} is not a rotation (R R^T differs from 1 by {off[worst]:.2g})")
    if (np.linalg.det(R) < 0).any():
        mirrored = int((np.linalg.det(R) < 0).argmax())
        raise BadInput(path, keys[0], f"matrix {mirrored} is a reflection (determinant -1); its axes are not OpenCV's")
    u, _, vt = np.linalg.svd(R)
    R = u @ vt
    if camera_to_world:
        R, t = invert(R, t)
    return R, t, solved


def split_matrices(T: np.ndarray, path: Path, key: str) -> tuple[np.ndarray, np.ndarray]:
    """``R`` and ``t`` of N 4 4 (or N 3 4) rigid transforms. Raises BadInput if the last row is not 0 0 0 1."""
    if T.shape[1] == 4:
        finite = np.isfinite(T).all((-1, -2))
        if np.abs(T[finite, 3] - (0, 0, 0, 1)).max(initial=0.0) > 1e-4:
            turned = np.abs(T[finite, :, 3] - (0, 0, 0, 1)).max(initial=0.0) < 1e-4
            problem = "the matrices are transposed" if turned else "the matrices are not rigid transforms"
            raise BadInput(path, key, f"{problem}: expected 0 0 0 1 in their last row")
    return T[:, :3, :3], T[:, :3, 3]
