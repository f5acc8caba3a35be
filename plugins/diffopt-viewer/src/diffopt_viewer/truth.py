"""What a clip was scored against, and how it is laid over a result: turned about the vertical and moved, no more.

Worlds of results differ from that of the truth by a heading and a place; both are level and in metres. A tilt or a
scale that would fit better is an error, and stays to be seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from diffopt_core.skeleton import JOINTS, LAYOUTS, PARENTS
from diffopt_core.types import Truth
from torch import Tensor

Fit = Literal["whole clip", "first frame"]
FITS: tuple[Fit, ...] = ("whole clip", "first frame")


@dataclass(frozen=True)
class Move:
    """``p -> turn(p) + shift``: a turn by ``angle`` (radians) about +Y, then ``shift`` (3,), m."""

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


@dataclass(frozen=True)
class TrueMotion:
    """In the truth's own world, m: ``joints`` (T, 24, 3), nan where it has none; ``cameras`` (T, 3) positions."""

    joints: np.ndarray
    cameras: np.ndarray | None

    @property
    def bones(self) -> np.ndarray:
        """(N, 2) child and parent of the bones that it has; a missing joint is stepped over."""
        has = np.isfinite(self.joints).all(-1).any(0)
        pairs = []
        for child in range(len(PARENTS)):
            parent = PARENTS[child]
            while parent >= 0 and not has[parent]:
                parent = PARENTS[parent]
            if has[child] and parent >= 0:
                pairs.append((child, parent))
        return np.array(pairs, int).reshape(-1, 2)

    @property
    def on_ground(self) -> np.ndarray:
        """(T, 3) the pelvis (else the middle of the hips) over the ground, nan where there is neither."""
        root = self.joints[:, 0]
        hips = self.joints[:, 1:3].mean(1)
        return np.where(np.isfinite(root), root, hips) * (1.0, 0.0, 1.0) + (0.0, 0.012, 0.0)


def true_of(truth: Truth, like: Tensor) -> TrueMotion | None:
    """Joints of SMPL's names among those of the truth; None where it has none, or another number of frames."""
    layout = LAYOUTS[truth.layout]
    names = layout if truth.index is None else tuple(layout[i] for i in truth.index)
    theirs = [i for i, name in enumerate(names) if name in JOINTS]
    if not theirs or len(truth.joints) != len(like):
        return None
    joints = np.full((len(like), len(JOINTS), 3), np.nan, np.float32)
    joints[:, [JOINTS.index(names[i]) for i in theirs]] = truth.joints[:, theirs].detach().cpu().float().numpy()
    if truth.good is not None:
        joints[~truth.good.cpu().numpy()] = np.nan
    camera = truth.camera
    found = TrueMotion(joints, None if camera is None else camera.position.detach().cpu().float().numpy())
    return found if len(found.bones) else None


def fitted(source: np.ndarray, target: np.ndarray, how: Fit) -> Move:
    """Lay joints ``source`` (T, J, 3) over ``target`` (T, J, 3), by least squares over all joints that both have."""
    if how == "first frame":
        both = np.isfinite(source).all(-1) & np.isfinite(target).all(-1)
        first = int(both.any(1).argmax())
        source, target = source[first : first + 1], target[first : first + 1]
    both = np.isfinite(source).all(-1) & np.isfinite(target).all(-1)
    a, b = source[both].astype(float), target[both].astype(float)
    if not len(a):
        return STAY
    near, far = a - a.mean(0), b - b.mean(0)
    # About +Y the angle turns z towards x: maximise sum of far . turn(near) in the ground plane.
    along = (near[:, [0, 2]] * far[:, [0, 2]]).sum()
    across = (near[:, 2] * far[:, 0] - near[:, 0] * far[:, 2]).sum()
    turn = Move(float(np.arctan2(across, along)), np.zeros(3))
    return Move(turn.angle, b.mean(0) - turn(a.mean(0)))
