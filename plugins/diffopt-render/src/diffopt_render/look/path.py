"""A path on the ground: a flat ribbon with a round end, drawn as a mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from diffopt_core.interfaces import Mesh

from .colours import Colour

_LEAST = 0.012  # m between two points of a ribbon: what is closer is standing
_CORNERS = 20


@dataclass(frozen=True)
class Ribbon:
    """``vertices`` (2 N, 3): left and right side in turn; ``upto`` (T,): how many points a frame has behind it;
    ``at`` (T, 2): x and z of each frame."""

    vertices: np.ndarray
    upto: np.ndarray
    at: np.ndarray
    half: float
    height: float
    colour: Colour

    @staticmethod
    def along(places: np.ndarray, half: float, colour: Colour, height: float) -> Ribbon:
        """Along ``places`` (T, 3) of the world, m; frames with nan are passed over. ``half`` the width, ``height`` over
        the ground, m."""
        flat = places[:, [0, 2]]
        good = np.isfinite(flat).all(-1)
        kept = _apart(flat, good)
        points = flat[kept]
        upto = np.searchsorted(kept, np.arange(len(flat)), side="right")
        tangent = np.gradient(points, axis=0) if len(points) > 1 else np.ones((len(points), 2))
        normal = np.stack([tangent[:, 1], -tangent[:, 0]], -1)
        normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
        sides = np.stack([points + half * normal, points - half * normal], 1).reshape(-1, 2)
        return Ribbon(np.insert(sides, 1, height, axis=1), upto, flat, half, height, colour)

    def mesh(self, frame: int) -> Mesh | None:
        """Up to this frame, with its mark; None where there is no place yet."""
        count = int(self.upto[frame])
        if not count:
            return None
        rows = np.arange(max(count - 1, 0))[:, None]
        strip = np.concatenate([2 * rows + [0, 1, 2], 2 * rows + [1, 3, 2]])
        parts, faces = [self.vertices[: 2 * count]], [strip]
        if np.isfinite(self.at[frame]).all():
            disc, fan = self._mark(self.at[frame])
            parts.append(disc)
            faces.append(2 * count + fan)
        vertices = torch.from_numpy(np.concatenate(parts)).float()
        return Mesh(vertices, torch.from_numpy(np.concatenate(faces)), torch.tensor(self.colour).expand_as(vertices))

    def _mark(self, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        turn = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
        ring = place + 2.2 * self.half * np.stack([np.cos(turn), np.sin(turn)], -1)
        flat = np.concatenate([place[None], ring])
        corner = 1 + np.arange(_CORNERS)
        return np.insert(flat, 1, 1.3 * self.height, axis=1), np.stack([0 * corner, corner, np.roll(corner, -1)], -1)


def _apart(flat: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Frames whose places are at least a little apart, in order. The first good frame is one of them."""
    frames = np.flatnonzero(good)
    if not len(frames):
        return frames
    run = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(flat[frames], axis=0), axis=-1))])
    cell = np.floor(run / _LEAST).astype(int)
    return frames[np.concatenate([[True], np.diff(cell) > 0])]
