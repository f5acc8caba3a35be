"""What the legs tell of the frame rate."""

from __future__ import annotations

import numpy as np
from diffopt_core.perception.timing import _slow_motion


def legs(seconds: float, strides: float, fps: float = 60.0) -> np.ndarray:
    """How far the left foot is ahead, m."""
    return 0.35 * np.cos(2 * np.pi * strides * np.arange(round(seconds * fps)) / fps)


def test_long_steps_taken_slowly_are_slow_motion_once_a_step_is_seen():
    assert "slow motion" in "".join(_slow_motion(legs(8.0, 0.15), 60.0))
    assert not list(_slow_motion(legs(4.0, 0.95), 60.0)), "a usual walk"
    weight = np.linspace(-0.3, 0.3, 80) + 0.1 * np.sin(np.linspace(0, 3, 80))
    assert not list(_slow_motion(weight, 60.0)), "a change of weight within a second is no stride"
