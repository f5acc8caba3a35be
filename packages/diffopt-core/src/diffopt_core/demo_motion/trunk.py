"""Pelvis, trunk, head and arms of a walker. Phases and units as in ``gait.py``."""

from __future__ import annotations

import numpy as np

from ..skeleton import JOINT
from .course import Course
from .curves import Array, turn_x, turn_y, turn_z, unsteady


def pelvis(heading: Array, phase: Array, effort: Array) -> Array:
    """Root orientation: the hip of the leg in front goes with it, the side of the free leg drops."""
    yaw = heading - np.radians(6.0) * effort * np.cos(2 * np.pi * phase)
    drop = np.radians(3.0) * effort * np.sin(2 * np.pi * (phase - 0.02))
    return turn_y(yaw) @ turn_x(np.radians(3.0) * effort) @ turn_z(drop)


def sway(phase: Array, effort: Array) -> Array:
    """Pelvis to the left of the course, m: over the standing foot, less so at speed."""
    return (0.030 - 0.010 * effort) * np.sin(2 * np.pi * (phase - 0.05))


def ripple(phase: Array, effort: Array) -> Array:
    """What a heel strike sends up the body, m, downwards: the higher harmonics of the bob. Never negative."""
    beat = 4 * np.pi * (phase - 0.05)
    return effort * (0.0034 * (1 - np.cos(2 * beat)) + 0.0022 * (1 - np.cos(3 * beat + 1.0)))


def upper_body(pose: Array, course: Course, time: Array, phase: Array, effort: Array) -> None:
    """The trunk turns against the pelvis, the arms swing against the legs, the head looks where the course leads."""
    swing = np.cos(2 * np.pi * phase)
    twist = np.radians(10.0) * effort * swing / 3
    tilt = -np.radians(3.5) * effort * np.sin(2 * np.pi * (phase - 0.02)) / 3
    for n, name in enumerate(("spine1", "spine2", "spine3")):
        lean = np.radians(0.5) * effort + unsteady(time, 3 * n + 3, 0.014)
        side = tilt + unsteady(time, 3 * n + 1, 0.014)
        pose[:, JOINT[name]] = turn_y(twist + unsteady(time, 3 * n + 2, 0.014)) @ turn_z(side) @ turn_x(lean)
    ahead = course.at(course.heading, time + 0.5) - course.at(course.heading, time)
    for name, share in (("neck", 0.4), ("head", 0.6)):
        pose[:, JOINT[name]] = turn_y(share * (ahead - np.radians(4.0) * effort * swing)) @ turn_x(
            np.radians(-2.0) * effort
        )
    late = np.cos(2 * np.pi * (phase - 0.04))  # the forearm follows the upper arm
    for side, sign in (("left", 1.0), ("right", -1.0)):
        away = np.radians(69.0) + unsteady(time, 20 + int(sign), 0.028)
        back = unsteady(time, 30 + int(sign), 0.034) + np.radians(4.0) + sign * np.radians(8.0 + 17.0 * effort) * swing
        bent = (
            unsteady(time, 40 + int(sign), 0.042)
            + np.radians(14.0 + 12.0 * effort)
            - sign * np.radians(12.0) * effort * late
        )
        pose[:, JOINT[f"{side}_collar"]] = turn_z(np.full_like(phase, -sign * np.radians(5.0)))
        pose[:, JOINT[f"{side}_shoulder"]] = turn_x(back) @ turn_z(-sign * away)
        pose[:, JOINT[f"{side}_elbow"]] = turn_y(-sign * bent)
        pose[:, JOINT[f"{side}_wrist"]] = turn_y(-sign * 0.25 * bent)
