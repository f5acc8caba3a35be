"""Poses of cameras from points that are known, all cameras at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .model import Model, Views, camera_jacobian, errors, in_camera, moved, project, sums

#: Error scales, px at 960, of the annealed Geman-McClure weights.
_SCALES = (40.0, 40.0, 20.0, 10.0, 5.0, 2.5, 1.5, 1.5, 1.5)
#: A camera needs as many points, half of them within `_CLOSE` px (at 960).
FEWEST = 20
_CLOSE = 3.0


def resect(model: Model, views: Views, cameras: NDArray[np.bool_]) -> tuple[Model, NDArray[np.bool_]]:
    """Refine the poses of ``cameras`` [C] from where they are; says which came to a pose that the points confirm.

    Gauss-Newton on the reprojection error; each step is one 6 x 6 system a camera.
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
    """All cameras of ``model``."""
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
