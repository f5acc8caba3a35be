"""Points from cameras that are known: nearest to all their rays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .model import Array, Model, Views, errors, sums


def world_rays(model: Model, views: Views) -> tuple[Array, Array]:
    """Directions [M 3] in the world, and where the cameras stand [M 3]."""
    R, t = model.R[views.camera], model.t[views.camera]
    return np.einsum("mji,mj->mi", R, views.rays()), -np.einsum("mji,mj->mi", R, t)


def parallax(model: Model, views: Views, points: int) -> Array:
    """Angle [N] rad between the first ray to each point and the one furthest from it (0 without two)."""
    rays, _ = world_rays(model, views)
    first = np.full(points, -1)
    # rows come by rising camera: written backwards, the first remains
    first[views.point[::-1]] = np.arange(len(views.point))[::-1]
    sine = np.linalg.norm(np.cross(rays, rays[first[views.point]]), axis=-1)
    widest = np.zeros(points)
    np.maximum.at(widest, views.point, sine)
    return np.arcsin(widest.clip(0, 1))


def triangulate(model: Model, views: Views, least: float, close: float, which: NDArray[np.bool_]) -> Model:
    """Points ``which`` [N] anew, from all posed cameras that see them.

    Kept are those with a parallax of at least ``least`` rad that lie before all their cameras and, in the median,
    within ``close`` px (at 960) of where they were seen.
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
