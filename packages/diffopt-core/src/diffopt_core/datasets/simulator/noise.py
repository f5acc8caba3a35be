"""Random processes in time. Time is the first axis; every sd is that of each sample and axis, at any time."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

Array = np.ndarray


def ornstein_uhlenbeck(rng: np.random.Generator, shape: tuple[int, ...], sd: float, time: float) -> Array:
    """Stationary first-order process; correlation ``exp(-lag / time)``, ``time`` in frames."""
    keep = np.exp(-1.0 / time)
    white = rng.standard_normal(shape)
    white[1:] *= np.sqrt(1.0 - keep**2)
    return sd * lfilter([1.0], [1.0, -keep], white, axis=0)


def hand(rng: np.random.Generator, shape: tuple[int, ...], sd: float, time: float) -> Array:
    """An Ornstein-Uhlenbeck process without its jerks (a hand has mass): smoothed over time / 4, sd restored."""
    window = time / 4.0
    pad = int(np.ceil(4.0 * window))
    smooth = gaussian_filter1d(ornstein_uhlenbeck(rng, (shape[0] + 2 * pad, *shape[1:]), 1.0, time), window, axis=0)
    return sd * smooth[pad : pad + shape[0]] / _smoothed_sd(time, window, pad)


def _smoothed_sd(time: float, window: float, pad: int) -> float:
    """Sd of a unit Ornstein-Uhlenbeck process after the Gaussian filter."""
    impulse = np.zeros(2 * pad + 1)
    impulse[pad] = 1.0
    kernel = gaussian_filter1d(impulse, window, mode="constant")
    lags = np.abs(np.subtract.outer(np.arange(len(kernel)), np.arange(len(kernel))))
    return float(np.sqrt(kernel @ np.exp(-lags / time) @ kernel))


def random_walk(rng: np.random.Generator, shape: tuple[int, ...], sd: float) -> Array:
    """Sum of white steps of ``sd``; the first sample is one step from zero."""
    return np.cumsum(sd * rng.standard_normal(shape), axis=0)


def exp_rotation(rotvec: Array) -> Array:
    """(..., 3) axis-angle, rad, to (..., 3, 3) matrices (Rodrigues), double precision."""
    angle = np.linalg.norm(rotvec, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(rotvec, -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*rotvec.shape[:-1], 3, 3)
    first = np.sinc(angle / np.pi)  # sin(a) / a
    second = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2  # (1 - cos(a)) / a^2
    return np.eye(3) + first * cross + second * cross @ cross
