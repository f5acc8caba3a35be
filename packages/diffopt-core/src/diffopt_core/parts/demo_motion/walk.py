"""The synthetic walk of the demonstration: its path, and the gait along it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d, minimum_filter1d

from ...data.skeleton import JOINT, NUM_JOINTS
from ...types import HumanMotion

Array = np.ndarray


def ease(x: Array) -> Array:
    """Quintic ease from 0 to 1 with zero velocity and acceleration at both ends."""
    x = np.clip(x, 0.0, 1.0)
    return x**3 * (10 - 15 * x + 6 * x**2)


def quintic(start: Array, end: Array, velocity: Array, acceleration: Array, x: Array) -> Array:
    """Quintic from rest at ``start`` to ``end``, with the given final velocity and acceleration (per unit of ``x``)."""
    way, x = end - start, x[:, None]
    return (
        start
        + x**3 * (10 * way - 4 * velocity + acceleration / 2)
        + x**4 * (-15 * way + 7 * velocity - acceleration)
        + x**5 * (6 * way - 3 * velocity + acceleration / 2)
    )


def integral(rate: Array, time: Array) -> Array:
    """Cumulative trapezoid integral, zero at time 0."""
    steps = (rate[1:] + rate[:-1]) / 2 * np.diff(time).reshape(-1, *[1] * (rate.ndim - 1))
    total = np.concatenate([np.zeros_like(rate[:1]), np.cumsum(steps, 0)])
    return total - total[np.searchsorted(time, 0.0)]


def axes(first: Array, second: Array) -> Array:
    """(N, 3, 3) right-handed axes as columns: ``first``, then the part of ``second`` orthogonal to it."""
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
    """A smooth curve that nowhere exceeds ``limit``: a moving minimum, then a moving average.

    It gives the vertical motion of the pelvis: low in double support, high over one foot.
    """
    return gaussian_filter1d(minimum_filter1d(limit, 2 * radius + 1), radius / 2, truncate=2.0)


def unsteady(time: Array, which: int, amount: float) -> Array:
    """Random variation of the gait from slow drift to fast tremor; the amplitude falls with the frequency (Hz)."""
    frequencies = np.array([0.45, 0.8, 1.7, 2.9, 4.3, 5.6])
    starts = 2 * np.pi * ((6 * which + np.arange(6)) * 0.618034 % 1.0)
    return amount * (np.sin(2 * np.pi * frequencies * time[:, None] + starts) / frequencies).sum(-1)


@dataclass(frozen=True)
class Course:
    """The path: arc length, heading (0 is +Z, about +Y), ground position, speed and gait phase on a fine time grid."""

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
        # Strides per second grow with speed, about as fast as their length does.
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


FLAT, LIFT = 0.10, 0.56  # cycles: foot flat from FLAT to the heel's rise, toe-off at LIFT


@dataclass(frozen=True)
class Foot:
    """One foot over time: ankle (T, 3) m, yaw, pitch (toe down) and toe bend (T), rad."""

    ankle: Array
    yaw: Array
    pitch: Array
    bend: Array


def track_foot(course: Course, rest: Array, side: str, time: Array, sole: float) -> Foot:
    """Motion of one foot: in stance it rolls over heel and toe about fixed points; in swing it moves to the next
    footprint."""
    sign = 1.0 if side == "left" else -1.0
    hip, ankle, toe = (rest[JOINT[f"{side}_{name}"]] for name in ("hip", "ankle", "foot"))
    phase = course.at(course.phase, time) - (0.0 if side == "left" else 0.5)
    stride, cycle = np.floor(phase).astype(int), phase % 1.0
    numbers = np.arange(stride.min(), stride.max() + 2)
    # The ankle is below the hip a little before mid-stance, because the heel rise extends the stance backwards.
    middle = course.when(numbers + 0.24 + (0.0 if side == "left" else 0.5))
    out = np.radians(6.0) * sign
    yaws = course.at(course.heading, middle) + out
    prints = course.place(middle, np.full(len(middle), 0.65 * hip[0]))
    prints = prints + turn_y(yaws) @ ((toe - ankle) * [1.0, 0.0, 1.0]) + [0.0, sole, 0.0]
    heel = np.array([ankle[0], toe[1] - sole, ankle[2] - 0.035])  # where the heel touches the floor

    def landing(k: Array, at: Array) -> Array:
        """Toe position while the foot rolls over its heel."""
        turn = turn_y(yaws[k])
        return prints[k] + (turn @ (turn_x(_pitch(at)) @ (toe - heel) - (toe - heel))[..., None])[..., 0]

    k = stride - numbers[0]
    end, tick = np.zeros(len(k)), 1e-3
    there, before, after = (landing(k + 1, end + d) for d in (0.0, -tick, tick))
    velocity, acceleration = (after - before) / (2 * tick), (after - 2 * there + before) / tick**2

    def flight(start: float) -> Array:
        """Toe position from one footprint to the next; velocity and acceleration are continuous."""
        span = 1.0 - start
        share = np.clip((cycle - start) / span, 0.0, 1.0)
        way = quintic(prints[k], there, velocity * span, acceleration * span**2, share)
        way[:, 1] += 0.045 * 64 * (share * (1 - share)) ** 3
        return way

    # Lift first, then move forward, so that the toe does not slide on the floor.
    airborne = np.stack([flight(LIFT + 0.03)[:, 0], flight(LIFT)[:, 1], flight(LIFT + 0.03)[:, 2]], -1)
    toes = np.where((cycle < FLAT)[:, None], landing(k, cycle), np.where((cycle > LIFT)[:, None], airborne, prints[k]))
    yaw = yaws[k] + (yaws[k + 1] - yaws[k]) * ease((cycle - LIFT) / (0.95 - LIFT))
    pitch = _pitch(cycle)
    bend = -np.maximum(pitch, 0.0) * (1.0 - ease((cycle - 0.68) / 0.2))
    away = (turn_y(yaw) @ turn_x(pitch) @ (ankle - toe)[:, None])[..., 0]
    return Foot(toes + away, yaw, pitch, bend)


def _pitch(cycle: Array) -> Array:
    """Toe-down angle over the cycle: rad; flat between FLAT and 0.34, steepest just after toe-off."""
    c = (cycle + 0.05) % 1.0 - 0.05
    strike, off = np.radians(-16.0), np.radians(55.0)
    landed = strike * (1.0 - ease((c + 0.05) / (FLAT + 0.05)))
    return landed + off * ease((c - 0.34) / 0.30) + (strike - off) * ease((c - 0.64) / 0.31)


def bend_leg(pose: Array, rest: Array, side: str, hip: Array, foot: Foot) -> None:
    """Inverse kinematics of a leg: hip, knee, ankle and toe rotations for a given foot. The knee is a hinge about x."""
    names = [JOINT[f"{side}_{name}"] for name in ("hip", "knee", "ankle", "foot")]
    thigh, shin = rest[names[1]] - rest[names[0]], rest[names[2]] - rest[names[1]]
    reach = foot.ankle - hip
    # |thigh + Rx(bend) shin| = |reach| is K cos(bend - offset) = rest; the branch that flexes the knee is taken.
    along, across = thigh[1] * shin[1] + thigh[2] * shin[2], thigh[2] * shin[1] - thigh[1] * shin[2]
    wanted = ((reach**2).sum(-1) - (thigh**2).sum() - (shin**2).sum()) / 2 - thigh[0] * shin[0]
    knee = turn_x(np.arctan2(across, along) + np.arccos(np.clip(wanted / np.hypot(along, across), -1.0, 1.0)))
    local = thigh + (knee @ shin[:, None])[..., 0]
    root = pose[:, 0]
    toward = 0.5 * root[:, :, 0] + 0.5 * turn_y(foot.yaw)[:, :, 0]  # the knee points between pelvis and foot
    turned = axes(reach, toward) @ axes(local, np.eye(3)[:1]).swapaxes(-1, -2)
    pose[:, names[0]] = root.swapaxes(-1, -2) @ turned
    pose[:, names[1]] = knee
    pose[:, names[2]] = (turned @ knee).swapaxes(-1, -2) @ turn_y(foot.yaw) @ turn_x(foot.pitch)
    pose[:, names[3]] = turn_x(foot.bend)


def highest(hip: Array, ankle: Array, reach: float) -> Array:
    """(T,) largest height to add to the hip (given from the floor) at which the ankle is still within reach, m."""
    across = ((ankle - hip)[:, [0, 2]] ** 2).sum(-1)
    return ankle[:, 1] - hip[:, 1] + np.sqrt(np.maximum(reach**2 - across, 0.0))


def pelvis(heading: Array, phase: Array, effort: Array) -> Array:
    """Root orientation: the pelvis rotates with the front leg and drops on the side of the swing leg."""
    yaw = heading - np.radians(6.0) * effort * np.cos(2 * np.pi * phase)
    drop = np.radians(3.0) * effort * np.sin(2 * np.pi * (phase - 0.02))
    return turn_y(yaw) @ turn_x(np.radians(3.0) * effort) @ turn_z(drop)


def sway(phase: Array, effort: Array) -> Array:
    """Lateral displacement of the pelvis, m: towards the stance foot, less at speed."""
    return (0.030 - 0.010 * effort) * np.sin(2 * np.pi * (phase - 0.05))


def ripple(phase: Array, effort: Array) -> Array:
    """Downward displacement after heel strike, m: higher harmonics of the vertical motion. Never negative."""
    beat = 4 * np.pi * (phase - 0.05)
    return effort * (0.0034 * (1 - np.cos(2 * beat)) + 0.0022 * (1 - np.cos(3 * beat + 1.0)))


def upper_body(pose: Array, course: Course, time: Array, phase: Array, effort: Array) -> None:
    """The trunk rotates against the pelvis, the arms swing against the legs, the head looks along the path."""
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
    late = np.cos(2 * np.pi * (phase - 0.04))  # the forearm lags behind the upper arm
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


SOLE = 0.02  # m, from the toe joint to the floor
_LEG = 0.84  # m, leg length (thigh and shin) for which the stride parameters hold; others are scaled


def walk(rest: Array, frames: int, fps: float, sole: float = SOLE) -> HumanMotion:
    """The gait of a (24, 3) rest skeleton (m, T-pose, feet flat); ``sole``: toe joint above the floor, m."""
    size = _length(rest, "hip", "knee") + _length(rest, "knee", "ankle")
    course = Course.plan(size / _LEG, frames / fps)
    time = np.arange(frames) / fps
    phase = course.at(course.phase, time)
    effort = np.clip(course.at(course.speed, time) / (1.30 * size / _LEG), 0.0, 1.0)

    pose = np.broadcast_to(np.eye(3), (frames, NUM_JOINTS, 3, 3)).copy()
    pose[:, 0] = pelvis(course.at(course.heading, time), phase, effort)
    trans = course.place(time, (sway(phase, effort) + unsteady(time, 0, 0.005)) * size / _LEG)
    feet = {side: track_foot(course, rest, side, time, sole) for side in ("left", "right")}
    hips = {side: trans + pose[:, 0] @ rest[JOINT[f"{side}_hip"]] for side in feet}
    limit = np.min([highest(hips[side], feet[side].ankle, 0.98 * size) for side in feet], axis=0)
    height = below(limit, int(np.ceil(0.12 * fps))) - size / _LEG * ripple(phase, effort)
    trans[:, 1] += height
    for side, foot in feet.items():
        bend_leg(pose, rest, side, hips[side] + height[:, None] * np.eye(3)[1], foot)
    upper_body(pose, course, time, phase, effort)
    return HumanMotion(torch.from_numpy(pose).float(), torch.from_numpy(trans).float(), torch.zeros(10))


def _length(rest: Array, upper: str, lower: str) -> float:
    return float(np.linalg.norm(rest[JOINT[f"left_{upper}"]] - rest[JOINT[f"left_{lower}"]]))
