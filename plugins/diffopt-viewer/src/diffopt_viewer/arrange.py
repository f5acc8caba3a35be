"""Arrange several results in one scene: positions, labels and the initial view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from diffopt_core.types import Result

from .shown import Shown

Fit = Literal["whole clip", "first frame"]
FITS: tuple[Fit, ...] = ("whole clip", "first frame")


@dataclass(frozen=True)
class Move:
    """``p -> rotate(p) + shift``: a rotation by ``angle`` (radians) about +Y, then ``shift`` (3,), m."""

    angle: float
    shift: np.ndarray

    @property
    def wxyz(self) -> np.ndarray:
        return np.array([np.cos(self.angle / 2), 0.0, np.sin(self.angle / 2), 0.0])

    @property
    def matrix(self) -> np.ndarray:
        c, s = np.cos(self.angle), np.sin(self.angle)
        return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Points (…, 3)."""
        return points @ self.matrix.T + self.shift

    def after(self, first: Move) -> Move:
        """``first``, then this one."""
        return Move(self.angle + first.angle, self(first.shift))

    @property
    def inverse(self) -> Move:
        back = Move(-self.angle, np.zeros(3))
        return Move(-self.angle, -back(self.shift))


STAY = Move(0.0, np.zeros(3))


def fitted(source: np.ndarray, target: np.ndarray, how: Fit) -> Move:
    """Align joints ``source`` (T, J, 3) to ``target`` (T, J, 3), by least squares over all joints that both have."""
    if how == "first frame":
        both = np.isfinite(source).all(-1) & np.isfinite(target).all(-1)
        first = int(both.any(1).argmax())
        source, target = source[first : first + 1], target[first : first + 1]
    both = np.isfinite(source).all(-1) & np.isfinite(target).all(-1)
    a, b = source[both].astype(float), target[both].astype(float)
    if not len(a):
        return STAY
    near, far = a - a.mean(0), b - b.mean(0)
    # About +Y the angle rotates z towards x: maximise the sum of far . rotate(near) in the ground plane.
    along = (near[:, [0, 2]] * far[:, [0, 2]]).sum()
    across = (near[:, 2] * far[:, 0] - near[:, 0] * far[:, 2]).sum()
    turn = Move(float(np.arctan2(across, along)), np.zeros(3))
    return Move(turn.angle, b.mean(0) - turn(a.mean(0)))


def labels_of(results: Sequence[Result]) -> list[str]:
    """Clip names; the ends of the folder paths if several results are of one clip; else numbered."""
    names = [result.clip.name for result in results]
    if len(set(names)) == len(names):
        return names
    folders = [() if r.clip.path is None else r.clip.path.absolute().parent.parts for r in results]
    for depth in range(1, max(map(len, folders), default=0) + 1):
        ends = ["/".join(parts[-depth:]) for parts in folders]
        if all(ends) and len(set(ends)) == len(ends):
            return ends
    return [f"{name} {number}" for number, name in enumerate(names, start=1)]


#: Distance between lanes, m; a shorter path has no usable direction.
_GAP, _TRAVELS = 1.3, 0.6
#: Initial view: angle to the side direction and elevation (radians); vertical field of view.
_TURN, _RISE, FIELD = np.radians(28.0), np.radians(14.0), np.radians(40.0)
#: A recovered camera closer to the line of sight than this (radians) blocks the view.
_APART = np.radians(50.0)
#: The eye moves back by at most this factor to keep the cameras in view.
_FURTHER = 1.7
_UP = np.array([0.0, 1.0, 0.0])


def arrange(shown: Sequence[Shown], aligns: Sequence[Move], lanes: bool, how: Fit) -> list[Move]:
    """A move for each result. The first one stays; others of the same clip are placed so that their ground truths
    (``aligns``: truth to result) coincide, or are aligned to the first one without ground truth; who is in its world
    already stays there. ``lanes``: also place them side by side."""
    first = shown[0]
    moves = [STAY]
    for one, align in zip(shown[1:], aligns[1:], strict=True):
        same = one.clip == first.clip and one.frames == first.frames and not (one.held or first.held)
        if same and one.truth is not None and first.truth is not None:
            moves.append(_level(aligns[0].after(align.inverse)))
        else:
            moves.append(_level(fitted(one.joints, first.joints, how)) if same else STAY)
    if not lanes:
        return moves
    across = np.cross(travel(first.joints), _UP)
    placed, edge = [], 0.0
    for number, (one, move) in enumerate(zip(shown, moves, strict=True)):
        reach = move(one.joints[:, 0]) @ across
        if number:
            shift = edge + _GAP - reach.min()
            move = Move(move.angle, move.shift + shift * across)
            reach = reach + shift
        placed.append(move)
        edge = max(edge, float(reach.max())) if number else float(reach.max())
    return placed


def _level(move: Move) -> Move:
    """Without its vertical shift: every result keeps its own floor height."""
    return Move(move.angle, move.shift * (1.0, 0.0, 1.0))


def travel(joints: np.ndarray) -> np.ndarray:
    """Unit vector on the ground along the path of joints (T, 24, 3); for people who do not travel, to their left."""
    way = (joints[-1, 0] - joints[0, 0]) * (1.0, 0.0, 1.0)
    if np.linalg.norm(way) < _TRAVELS:
        way = (joints[:, 1] - joints[:, 2]).mean(0) * (1.0, 0.0, 1.0)  # hips, left less right
    length = np.linalg.norm(way)
    return way / length if length > 1e-6 else np.array([1.0, 0.0, 0.0])


def first_view(shown: Sequence[Shown], moves: Sequence[Move]) -> tuple[np.ndarray, np.ndarray]:
    """Eye position and target: the paths from the side, walking from left to right; rotated further if a recovered
    camera blocks the view."""
    points = np.concatenate([move(one.joints[:, 0]) for one, move in zip(shown, moves, strict=True)])
    low, high = points.min(0), points.max(0)
    centre = (low + high) / 2 * (1.0, 0.0, 1.0) + (0.0, 0.75, 0.0)
    way = travel(shown[0].joints)
    side = _clear(np.cross(way, _UP) * np.cos(_TURN) + way * np.sin(_TURN), centre, shown, moves)
    extent = max(float(np.linalg.norm((high - low)[[0, 2]])), 1.6)
    distance = 0.62 * (extent + 1.2) / np.tan(FIELD / 2)
    distance = min(max(distance, *_to_see(side, centre, shown, moves)), _FURTHER * distance)
    centre = centre + 0.08 * distance * np.cross(_UP, side)  # shifted left in the window: the panel is on the right
    return centre + distance * (np.cos(_RISE) * side + np.sin(_RISE) * _UP), centre


def _to_see(side: np.ndarray, centre: np.ndarray, shown: Sequence[Shown], moves: Sequence[Move]) -> list[float]:
    """Eye distance needed to see each result's camera, at the mean of its path, beside the centre."""
    away = [0.0]
    for one, move in zip(shown, moves, strict=True):
        if one.cameras is not None:
            way = move(one.cameras.position.mean(0)) - centre
            away.append(float(abs(way @ np.cross(_UP, side)) / np.tan(FIELD / 2) + way @ side))
    return away


def _clear(side: np.ndarray, centre: np.ndarray, shown: Sequence[Shown], moves: Sequence[Move]) -> np.ndarray:
    """The direction closest to ``side`` from which no camera, at the mean of its path, appears near the centre."""
    ways = [
        (move(one.cameras.position.mean(0)) - centre) * (1.0, 0.0, 1.0)
        for one, move in zip(shown, moves, strict=True)
        if one.cameras is not None
    ]
    for turn in np.radians([0, -25, 25, -50, 50, -75, 75, -100, 100]):
        turned = Move(float(turn), np.zeros(3))(side)
        if all(turned @ way < np.cos(_APART) * np.linalg.norm(way) for way in ways):
            return turned
    return side


def from_above(shown: Sequence[Shown], moves: Sequence[Move]) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`first_view`, from above (not exactly: a vertical view has no up direction)."""
    eye, centre = first_view(shown, moves)
    distance = np.linalg.norm(eye - centre)
    back = (eye - centre) * (1.0, 0.0, 1.0)
    return centre + distance * 1.15 * _UP + 0.02 * back, centre
