"""Bundle adjustment: cameras and points together, Levenberg-Marquardt on the cameras' Schur complement.

Triggs et al. 2000, "Bundle adjustment: a modern synthesis", sec. 6. Blocks are sparse, so that time is linear and not
cubic in the number of cameras; the focal length is fixed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from .model import Array, Model, Views, camera_jacobian, errors, huber, in_camera, moved, project, sums

_HUBER = 1.0  # px at 960
#: Up to this many camera unknowns a dense solve is faster.
_DENSE = 1500


def adjust(model: Model, views: Views, rounds: int = 8, tolerance: float = 1e-4) -> Model:
    """Minimise the Huber reprojection error over posed cameras and known points; the first posed camera is fixed."""
    mine = views.only(model.used(views))
    cameras, camera = np.unique(mine.camera, return_inverse=True)
    points, point = np.unique(mine.point, return_inverse=True)
    if len(cameras) < 2 or len(points) < 6:
        return model
    small = Model(model.R[cameras], model.t[cameras], np.ones(len(cameras), bool), model.X[points], model.known[points])
    flat = Views(camera, point, mine.seen, mine.focal, mine.unit)
    damping, cost = 1e-4, _cost(small, flat)
    for _ in range(rounds):
        system = _linearise(small, flat)
        for _ in range(5):
            tried = _step(small, flat, system, damping)
            new = _cost(tried, flat)
            if new < cost:
                break
            damping *= 10
        else:
            break
        gain, small, cost, damping = 1 - new / cost, tried, new, max(damping / 5, 1e-9)
        if gain < tolerance:
            break
    R, t, X = model.R.copy(), model.t.copy(), model.X.copy()
    R[cameras], t[cameras], X[points] = small.R, small.t, small.X
    return replace(model, R=R, t=t, X=X)


def _cost(model: Model, views: Views) -> float:
    error = np.minimum(errors(model, views), 1e3)
    return float(np.where(error < _HUBER, error**2 / 2, _HUBER * (error - _HUBER / 2)).sum())


def _linearise(model: Model, views: Views) -> tuple[Array, Array, Array, Array, Array]:
    """Blocks of the normal equations: cameras [C 6 6], points [N 3 3], across [M 6 3], and both right sides."""
    at = in_camera(model, views)
    by_camera, by_point = camera_jacobian(at, views.focal / views.unit)
    by_point = by_point @ model.R[views.camera]
    miss = (views.seen - project(at, views.focal)) / views.unit
    weight = huber(np.linalg.norm(miss, axis=-1), _HUBER) * (at[:, 2] > 0)
    heavy = by_camera.swapaxes(1, 2) * weight[:, None, None]
    heavy_point = by_point.swapaxes(1, 2) * weight[:, None, None]
    cameras, points = len(model.R), len(model.X)
    return (
        sums(heavy @ by_camera, views.camera, cameras),
        sums(heavy_point @ by_point, views.point, points),
        heavy @ by_point,
        sums((heavy @ miss[..., None])[..., 0], views.camera, cameras),
        sums((heavy_point @ miss[..., None])[..., 0], views.point, points),
    )


def _step(model: Model, views: Views, system: tuple[Array, ...], damping: float) -> Model:
    """One damped step."""
    of_camera, of_point, across, right_camera, right_point = system
    cameras, points = len(of_camera), len(of_point)
    damped = of_camera + damping * (of_camera * np.eye(6)) + 1e-9 * np.eye(6)
    inverse = np.linalg.inv(of_point + damping * (of_point * np.eye(3)) + 1e-9 * np.eye(3))
    indptr = np.searchsorted(views.camera, np.arange(cameras + 1))
    shape = (6 * cameras, 3 * points)
    through = across @ inverse[views.point]
    left = sp.bsr_matrix((through, views.point, indptr), shape=shape, blocksize=(6, 3))
    other = sp.bsr_matrix((across, views.point, indptr), shape=shape, blocksize=(6, 3))
    diagonal = sp.bsr_matrix((damped, np.arange(cameras), np.arange(cameras + 1)), shape=(6 * cameras, 6 * cameras))
    reduced = (diagonal - left @ other.T).tocsr()[6:, 6:]
    right = (right_camera.ravel() - left @ right_point.ravel())[6:]
    moves = (
        np.linalg.solve(reduced.toarray(), right) if reduced.shape[0] < _DENSE else splu(reduced.tocsc()).solve(right)
    )
    step = np.concatenate([np.zeros(6), moves])
    back = right_point - (other.T @ step).reshape(points, 3)
    R, t = moved(model.R, model.t, step.reshape(cameras, 6))
    return replace(model, R=R, t=t, X=model.X + np.einsum("nij,nj->ni", inverse, back))
