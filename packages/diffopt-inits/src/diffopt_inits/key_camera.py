"""Cameras of all frames from those of the key frames."""

from __future__ import annotations

from pathlib import PurePath

import numpy as np
import torch
from diffopt_core.datasets.fill import between
from diffopt_core.rotation import slerp

from .arrays import Arrays


def key_cameras(arrays: Arrays, frames: int) -> tuple[np.ndarray, np.ndarray, float]:
    """``R [T 3 3]`` and ``t [T 3]`` (world to camera, the solver's own unit) and ``key_focal`` as it is.

    Keys: ``key_R (K,3,3)`` world to camera, ``key_C (K,3)`` centres, ``key_names (K,)`` whose stem is the frame's
    number, ``key_focal``. Rotations are interpolated along the shortest path, centres along a line; frames before
    the first and after the last key frame take its camera. Raises BadInput.
    """
    names = [str(name) for name in np.atleast_1d(arrays.raw("key_names"))]
    try:
        keys = np.array([int(PurePath(name).stem) for name in names])
    except ValueError as error:
        raise arrays.fail("key_names", f"expected frame numbers such as 000012.jpg ({error})") from error
    if len(keys) == 0:
        raise arrays.fail("key_names", "no key frame")
    if (np.diff(keys) <= 0).any() or keys[0] < 0 or keys[-1] >= frames:
        raise arrays.fail("key_names", f"expected increasing frame numbers in 0 … {frames - 1}")
    R, C = arrays.rotations("key_R", len(keys)), arrays.take("key_C", (len(keys), 3))
    before, after, share = (part.numpy() for part in between(torch.from_numpy(keys), torch.arange(frames)))
    turned = slerp(torch.from_numpy(R[before]), torch.from_numpy(R[after]), torch.from_numpy(share)).numpy()
    centre = C[before] + share[:, None] * (C[after] - C[before])
    return turned, -(turned @ centre[..., None])[..., 0], arrays.positive("key_focal")
