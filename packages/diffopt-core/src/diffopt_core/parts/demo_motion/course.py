"""Where the demonstration's walker goes: smooth curves and the bend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, minimum_filter1d

Array = np.ndarray


def ease(x: Array) -> Array:
    """From 0 to 1 with no velocity and no acceleration at either end."""
    x = np.clip(x, 0.0, 1.0)
    return x**3 * (10 - 15 * x + 6 * x**2)


def quintic(start: Array, end: Array, velocity: Array, acceleration: Array, x: Array) -> Array:
    """From rest at ``start`` to ``end`` with the velocity and acceleration there (per unit of ``x`` in [0, 1])."""
    way, x = end - start, x[:, None]
    return (
        start
        + x**3 * (10 * way - 4 * velocity + acceleration / 2)
        + x**4 * (-15 * way + 7 * velocity - acceleration)
        + x**5 * (6 * way - 3 * velocity + acceleration / 2)
    )


def integral(rate: Array, time: Array) -> Array:
    """Trapezoid integral over the grid, zero at time zero."""
    steps = (rate[1:] + rate[:-1]) / 2 * np.diff(time).reshape(-1, *[1] * (rate.ndim - 1))
    total = np.concatenate([np.zeros_like(rate[:1]), np.cumsum(steps, 0)])
    return total - total[np.searchsorted(time, 0.0)]


def axes(first: Array, second: Array) -> Array:
    """(N, 3, 3) right-handed axes as columns: along ``first``, then ``second`` as far as it is across."""
    a = first / np.linalg.norm(first, axis=-1, keepdims=True)
    b = second - (second * a).sum(-1, keepdims=True) * a
    b = b / np.linalg.norm(b, axis=-1, keepdims=True)
    return np.stack([a, b, np.cross(a, b)], -1)


def _turn(angle: Array, axis: int) -> Array:
    i, j = (axis + 1) % 3, (axis + 2) % 3
    angle = np.asarray(angle, dtype=np.float64)
    out = np.zeros((*angle.shape, 3, 3))
    out[..., axis, axis] = 1.0
    out[..., i, i] = out[..., j, j] = np.cos(angle)
    out[..., i, j], out[..., j, i] = -np.sin(angle), np.sin(angle)
    return out


def turn_x(angle: Array) -> Array:
    return _turn(angle, 0)


def turn_y(angle: Array) -> Array:
    return _turn(angle, 1)


def turn_z(angle: Array) -> Array:
    return _turn(angle, 2)


def below(limit: Array, radius: int) -> Array:
    """A smooth curve that nowhere exceeds ``limit``: an average over windows of values that hold in all of them.

    It is what makes the pelvis bob: low when both feet are far from it, high over one foot.
    """
    return gaussian_filter1d(minimum_filter1d(limit, 2 * radius + 1), radius / 2, truncate=2.0)


def unsteady(time: Array, which: int, amount: float) -> Array:
    """Nobody walks like a metronome: slow drift to fast tremor, each frequency (Hz) as large as it is slow."""
    frequencies = np.array([0.45, 0.8, 1.7, 2.9, 4.3, 5.6])
    starts = 2 * np.pi * ((6 * which + np.arange(6)) * 0.618034 % 1.0)
    return amount * (np.sin(2 * np.pi * frequencies * time[:, None] + starts) / frequencies).sum(-1)


@dataclass(frozen=True)
class Course:
    """Arc length, heading (0 is +Z, about +Y), ground position, speed and gait phase on a fine grid of instants."""

    time: Array
    ground: Array  # N 2: x, z
    heading: Array
    speed: Array
    phase: Array

    @staticmethod
    def plan(scale: float, seconds: float) -> Course:
        time = np.arange(-2.0, seconds + 2.0, 0.002)
        speed = scale * (0.55 + 0.75 * ease(time / 2.4))
        length = integral(speed, time)
        heading = -1.2 * ease((length / scale - 0.5) / 3.0)
        step = np.stack([np.sin(heading), np.cos(heading)], -1) * speed[:, None]
        # Strides a second grow with speed, about as fast as their length does.
        phase = 0.12 + integral(0.54 + 0.33 * speed / scale, time)
        return Course(time, integral(step, time), heading, speed, phase)

    def at(self, values: Array, time: Array) -> Array:
        return np.interp(time, self.time, values)

    def when(self, phase: Array) -> Array:
        return np.interp(phase, self.phase, self.time)

    def place(self, time: Array, left: Array) -> Array:
        """(N, 3) points on the floor, ``left`` metres to the left of the course."""
        heading = self.at(self.heading, time)
        x, z = (self.at(self.ground[:, i], time) for i in (0, 1))
        return np.stack([x + left * np.cos(heading), np.zeros_like(x), z - left * np.sin(heading)], -1)
