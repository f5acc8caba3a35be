"""Where the walker goes, how fast, and when each foot strikes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .curves import Array, ease, integral


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
