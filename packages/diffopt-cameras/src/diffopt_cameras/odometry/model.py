"""Cameras, points and their observations as flat arrays; the projection and its derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Views:
    """Row ``m``: point ``point[m]`` seen by camera ``camera[m]`` (rising) at ``seen[m]``, px from the centre."""

    camera: Index
    point: Index
    seen: Array
    focal: float
    unit: float  # px of the full image for one px at 960

    def only(self, rows: NDArray[np.bool_]) -> Views:
        return Views(self.camera[rows], self.point[rows], self.seen[rows], self.focal, self.unit)

    def rays(self) -> Array:
        """[M 3] unit rays in the camera's frame."""
        rays = np.concatenate([self.seen / self.focal, np.ones((len(self.seen), 1))], -1)
        return np.asarray(rays / np.linalg.norm(rays, axis=-1, keepdims=True))


@dataclass(frozen=True)
class Model:
    """``R`` [C 3 3], ``t`` [C 3]: world to camera, of the cameras with ``posed`` [C]; ``X`` [N 3] of the points with
    ``known`` [N]."""

    R: Array
    t: Array
    posed: NDArray[np.bool_]
    X: Array
    known: NDArray[np.bool_]

    def used(self, views: Views) -> NDArray[np.bool_]:
        """Rows [M] between a posed camera and a known point."""
        return self.posed[views.camera] & self.known[views.point]


def in_camera(model: Model, views: Views) -> Array:
    """Points in the frames of the cameras that see them, [M 3]."""
    return np.asarray(np.einsum("mij,mj->mi", model.R[views.camera], model.X[views.point]) + model.t[views.camera])


def project(at: Array, focal: float) -> Array:
    """Px from the image's centre, [M 2]."""
    return np.asarray(focal * at[:, :2] / _depth(at))


def errors(model: Model, views: Views) -> Array:
    """Reprojection error of each row, px at 960; infinite behind the camera."""
    at = in_camera(model, views)
    miss = np.linalg.norm(project(at, views.focal) - views.seen, axis=-1) / views.unit
    return np.where(at[:, 2] > 0, miss, np.inf)


def camera_jacobian(at: Array, focal: float) -> tuple[Array, Array]:
    """Derivatives of the projection by a rotation and shift of the camera [M 2 6], and by the point in its frame [M 2
    3].

    The camera moves as ``x -> exp(turn) x + shift``, in its own frame.
    """
    z = _depth(at)[:, 0]
    by_point = np.zeros((len(at), 2, 3))
    by_point[:, 0, 0] = by_point[:, 1, 1] = focal / z
    by_point[:, :, 2] = -focal * at[:, :2] / z[:, None] ** 2
    cross = np.zeros((len(at), 3, 3))
    cross[:, 0, 1], cross[:, 0, 2] = at[:, 2], -at[:, 1]
    cross[:, 1, 0], cross[:, 1, 2] = -at[:, 2], at[:, 0]
    cross[:, 2, 0], cross[:, 2, 1] = at[:, 1], -at[:, 0]
    return np.concatenate([by_point @ cross, by_point], -1), by_point


def moved(R: Array, t: Array, step: Array) -> tuple[Array, Array]:
    """Cameras after a step [C 6] of :func:`camera_jacobian`."""
    turn = Rotation.from_rotvec(step[:, :3]).as_matrix()
    return turn @ R, np.einsum("cij,cj->ci", turn, t) + step[:, 3:]


def sums(values: Array, index: Index, size: int) -> Array:
    """Sum of ``values`` [M ...] by ``index`` [M], [size ...]."""
    flat = values.reshape(len(values), -1)
    columns = [np.bincount(index, flat[:, k], minlength=size) for k in range(flat.shape[1])]
    return np.stack(columns, -1).reshape(size, *values.shape[1:]).astype(np.float64, copy=False)


def huber(error: Array, scale: float) -> Array:
    """Weights of an error [M] in px at 960."""
    return np.asarray(scale / np.maximum(error, scale))


def _depth(at: Array) -> Array:
    return np.asarray(np.where(np.abs(at[:, 2:]) < 1e-6, 1e-6, at[:, 2:]))
