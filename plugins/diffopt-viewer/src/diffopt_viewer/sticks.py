"""A skeleton of rods: one skinned mesh, of which a frame moves the rods and sends no geometry."""

from __future__ import annotations

import numpy as np
import viser

from .colours import RGB

_SIDES = 8
#: Where what is not known is put: nobody looks there.
_AWAY = np.array([0.0, -1e4, 0.0])


class Sticks:
    """Rods of ``radius`` (m) between the joints of ``pairs`` (N, 2: child, parent), each as long as it mostly is in
    ``joints`` (T, J, 3; nan where unknown)."""

    def __init__(
        self, scene: viser.SceneApi, name: str, pairs: np.ndarray, joints: np.ndarray, colour: RGB, radius: float
    ):
        self._pairs = pairs
        apart = np.linalg.norm(joints[:, pairs[:, 0]] - joints[:, pairs[:, 1]], axis=-1)
        known = np.isfinite(apart).any(0)
        lengths = np.zeros(len(pairs))
        lengths[known] = np.nanmedian(apart[:, known], axis=0)
        vertices, faces, weights = _rods(lengths, radius)
        self.handle = scene.add_mesh_skinned(
            name, vertices, faces, bone_wxyzs=np.tile([1.0, 0.0, 0.0, 0.0], (len(pairs), 1)),
            bone_positions=np.zeros((len(pairs), 3)), skin_weights=weights, color=colour,
        )  # fmt: skip
        self.pose(joints[0])

    def pose(self, joints: np.ndarray) -> None:
        """Put the rods where joints (J, 3) are; a rod with an end that is nan is out of sight."""
        child, parent = joints[self._pairs[:, 0]], joints[self._pairs[:, 1]]
        along = child - parent
        known = np.isfinite(along).all(1)
        turns = from_up(np.where(known[:, None], along, (0.0, 1.0, 0.0)))
        places = np.where(known[:, None], parent, _AWAY)
        for bone, turn, place in zip(self.handle.bones, turns, places, strict=True):
            bone.wxyz, bone.position = turn, place


def from_up(along: np.ndarray) -> np.ndarray:
    """(N, 4) the shortest turns of +Y into directions (N, 3), real part first; none for a direction of no length."""
    length = np.linalg.norm(along, axis=1, keepdims=True)
    unit = np.where(length > 1e-9, along / np.maximum(length, 1e-9), (0.0, 1.0, 0.0))
    quaternion = np.stack([1.0 + unit[:, 1], unit[:, 2], np.zeros(len(unit)), -unit[:, 0]], axis=1)
    quaternion[unit[:, 1] < -1.0 + 1e-9] = (0.0, 1.0, 0.0, 0.0)  # straight down: any half turn does
    return quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True)


def _rods(lengths: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, faces and weights (one bone a rod) of upright prisms with a point at both ends."""
    turn = np.linspace(0.0, 2 * np.pi, _SIDES, endpoint=False)
    ring = radius * np.stack([np.cos(turn), np.zeros(_SIDES), np.sin(turn)], axis=1)
    low, high = np.arange(_SIDES), np.arange(_SIDES) + _SIDES
    after = np.roll(low, -1)
    bottom, top = np.full(_SIDES, 2 * _SIDES), np.full(_SIDES, 2 * _SIDES + 1)
    one = np.vstack([
        np.c_[low, high, after], np.c_[after, high, after + _SIDES], np.c_[bottom, low, after],
        np.c_[top, after + _SIDES, high],
    ])  # fmt: skip
    vertices, faces = [], []
    for number, length in enumerate(lengths):
        up = np.array([0.0, length, 0.0])
        tips = [[0.0, -radius, 0.0], [0.0, length + radius, 0.0]]
        vertices.append(np.vstack([ring, ring + up, tips]))
        faces.append(one + number * (2 * _SIDES + 2))
    weights = np.repeat(np.eye(len(lengths), dtype=np.float32), 2 * _SIDES + 2, axis=0)
    return np.vstack(vertices).astype(np.float32), np.vstack(faces), weights
