"""Triangulate points from cameras, and resect cameras from points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .model import Array, Model, Views, camera_jacobian, errors, in_camera, moved, project, sums

#: Error scales, px at 960, of the annealed Geman-McClure weights.
_SCALES = (40.0, 40.0, 20.0, 10.0, 5.0, 2.5, 1.5, 1.5, 1.5)
#: A camera needs this many points, half of them within `_CLOSE` px (at 960).
FEWEST = 20
_CLOSE = 3.0


def resect(model: Model, views: Views, cameras: NDArray[np.bool_]) -> tuple[Model, NDArray[np.bool_]]:
    """Refine the poses of ``cameras`` [C] from their current values; also returns which poses the points confirm.
    Gauss-Newton on the reprojection error; each step is one 6 x 6 system per camera.
    """
    mine = views.only(cameras[views.camera] & model.known[views.point])
    which = np.flatnonzero(cameras)
    part, good = _refine(
        replace(model, R=model.R[which], t=model.t[which]), replace(mine, camera=np.searchsorted(which, mine.camera))
    )
    R, t, confirmed = model.R.copy(), model.t.copy(), np.zeros(len(cameras), bool)
    R[which], t[which], confirmed[which] = part.R, part.t, good
    return replace(model, R=R, t=t), confirmed


def _refine(model: Model, mine: Views) -> tuple[Model, NDArray[np.bool_]]:
    """As :func:`resect`, for all cameras of ``model``."""
    size = len(model.R)
    count = np.bincount(mine.camera, minlength=size)
    for scale in _SCALES:
        at = in_camera(model, mine)
        by_camera, _ = camera_jacobian(at, mine.focal / mine.unit)
        miss = (mine.seen - project(at, mine.focal)) / mine.unit
        size2 = (miss**2).sum(-1)
        weight = (1 / (1 + size2 / scale**2)) ** 2 * (at[:, 2] > 0)
        scaled = by_camera * weight[:, None, None]
        normal = sums(scaled.swapaxes(1, 2) @ by_camera, mine.camera, size)
        moment = sums(np.einsum("mki,mk->mi", scaled, miss), mine.camera, size)
        damp = 1e-4 * np.trace(normal, axis1=1, axis2=2)[:, None, None] / 6 + 1e-9
        step = np.linalg.solve(normal + damp * np.eye(6), moment[..., None])[..., 0]
        R, t = moved(model.R, model.t, step)
        model = replace(model, R=R, t=t)
    close = np.bincount(mine.camera, errors(model, mine) < _CLOSE, minlength=size)
    return model, (count >= FEWEST) & (close >= 0.5 * count)


def world_rays(model: Model, views: Views) -> tuple[Array, Array]:
    """Ray directions in the world [M 3], and camera centres [M 3]."""
    R, t = model.R[views.camera], model.t[views.camera]
    return np.einsum("mji,mj->mi", R, views.rays()), -np.einsum("mji,mj->mi", R, t)


def parallax(model: Model, views: Views, points: int) -> Array:
    """Angle [N] rad between the first ray to each point and the one furthest from it (0 without two)."""
    rays, _ = world_rays(model, views)
    first = np.full(points, -1)
    # rows are sorted by camera: written in reverse order, the first one remains
    first[views.point[::-1]] = np.arange(len(views.point))[::-1]
    sine = np.linalg.norm(np.cross(rays, rays[first[views.point]]), axis=-1)
    widest = np.zeros(points)
    np.maximum.at(widest, views.point, sine)
    return np.arcsin(widest.clip(0, 1))


def triangulate(model: Model, views: Views, least: float, close: float, which: NDArray[np.bool_]) -> Model:
    """Triangulate the points ``which`` [N] again, from all posed cameras that see them.

    Kept are points with a parallax of at least ``least`` rad, in front of all their cameras, and with a median
    reprojection error below ``close`` px (at 960).
    """
    size = len(model.X)
    mine = views.only(model.posed[views.camera] & which[views.point])
    if not len(mine.point):
        return replace(model, known=model.known & ~which)
    rays, centres = world_rays(model, mine)
    across = np.eye(3) - rays[:, :, None] * rays[:, None, :]
    normal = sums(across, mine.point, size)
    moment = sums(np.einsum("mij,mj->mi", across, centres), mine.point, size)
    wide = parallax(model, mine, size) >= least
    X = model.X.copy()
    X[wide] = np.linalg.solve(normal[wide] + 1e-12 * np.eye(3), moment[wide][..., None])[..., 0]
    found = replace(model, X=X)
    error = errors(found, mine)
    count = np.bincount(mine.point, minlength=size)
    far = np.bincount(mine.point, error > close, minlength=size)
    good = wide & which & (count >= 2) & (far <= 0.3 * count)
    return replace(found, known=(model.known & ~which) | good)
