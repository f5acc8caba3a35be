"""Cameras for every frame of the clip from cameras of some video frames: copied, interpolated or held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from diffopt_core.data.fill import between as neighbours
from diffopt_core.data.rotation import slerp

#: Rotation jump: more than this angle in one frame, and more than this multiple of the median nearby.
_JUMP_ANGLE, _JUMP_TIMES = np.deg2rad(10.0), 8.0
#: Position jump: more than this share of the path's extent, and more than this multiple of the median nearby.
_JUMP_EXTENT = 0.05
#: Size of the neighbourhood: steps on either side.
_NEARBY = 15


@dataclass(frozen=True)
class Between:
    """For each of T frames: rows ``a`` and ``b`` and the interpolation weight between them.

    ``exact``: the frame has a row of its own. ``outside``: before the first or after the last row, which is held.
    """

    a: np.ndarray
    b: np.ndarray
    share: np.ndarray
    exact: np.ndarray
    outside: np.ndarray

    def linear(self, values: np.ndarray) -> np.ndarray:
        """Interpolate N n linearly to T n."""
        share = self.share.reshape(-1, *[1] * (values.ndim - 1))
        return (1 - share) * values[self.a] + share * values[self.b]

    def rotations(self, R: np.ndarray) -> np.ndarray:
        """Interpolate N 3 3 to T 3 3 along shortest arcs; frames with their own row get it unchanged."""
        arcs = slerp(torch.from_numpy(R[self.a]), torch.from_numpy(R[self.b]), torch.from_numpy(self.share)).numpy()
        return np.where(self.exact[:, None, None], R[self.a], arcs)


def between(numbers: np.ndarray, solved: np.ndarray, wanted: np.ndarray) -> Between:
    """``numbers`` (N, increasing): frame of each row; ``solved``: rows to use; ``wanted`` (T): frames needed."""
    rows = np.flatnonzero(solved)
    known = numbers[rows]
    before, after, share = (part.numpy() for part in neighbours(torch.from_numpy(known), torch.from_numpy(wanted)))
    exact = known[before] == wanted
    outside = (wanted < known[0]) | (wanted > known[-1])
    return Between(rows[before], rows[after], np.where(exact, 0.0, share), exact, outside)


def jumps(R: np.ndarray, centre: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Video frames at which the camera pose jumps, for example after a relocalisation.

    ``R`` N 3 3 world to camera, ``centre`` N 3, ``numbers`` N (increasing), solved rows only.
    """
    if len(R) < 4:
        return np.empty(0, dtype=np.int64)
    step = np.diff(numbers)
    cosine = (np.einsum("nij,nij->n", R[1:], R[:-1]) - 1) / 2
    angle = np.arccos(cosine.clip(-1.0, 1.0)) / step
    move = np.linalg.norm(np.diff(centre, axis=0), axis=-1) / step
    extent = np.linalg.norm(np.ptp(centre, axis=0))
    turned = (angle > _JUMP_ANGLE) & (angle > _JUMP_TIMES * _usual(angle))
    moved = (move > _JUMP_EXTENT * extent) & (move > _JUMP_TIMES * _usual(move)) & (extent > 0)
    return numbers[1:][turned | moved]


def _usual(values: np.ndarray) -> np.ndarray:
    """Median of the values around each one."""
    padded = np.pad(values, _NEARBY, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEARBY + 1)
    return np.nanmedian(windows, axis=-1)
