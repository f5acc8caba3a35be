"""Dataset ``landmarks``: reading landmark files, their camera and truth."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path, PurePath

import numpy as np
import torch
from diffopt_core.common.npz import read_npz
from diffopt_core.data.fill import between
from diffopt_core.data.rotation import slerp
from diffopt_core.data.skeleton import BLAZEPOSE33
from diffopt_core.data.window import travel_of
from diffopt_core.errors import BadInput
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import CameraTrajectory, Clip, Observations, Travel, Truth, as_float

from .landmarks import LandmarksDatasetConfig


class Arrays:
    """The arrays of one file. ``take`` checks shape and finiteness; ``...`` in a shape stands for any size."""

    def __init__(self, path: Path):
        self.path, self._arrays = path, read_npz(path)

    def __contains__(self, key: str) -> bool:
        return key in self._arrays

    def fail(self, key: str, problem: str) -> BadInput:
        """The BadInput to raise."""
        return BadInput(self.path, key, problem)

    def raw(self, key: str) -> np.ndarray:
        """The array ``key``. Raises BadInput if it is missing."""
        if key not in self._arrays:
            raise self.fail(key, f"is missing; the file has the keys: {', '.join(sorted(self._arrays)) or 'none'}")
        return self._arrays[key]

    def take(self, key: str, shape: tuple[int | None, ...], finite: np.ndarray | None = None) -> np.ndarray:
        """Numbers of a shape (None: any size) as float64; all must be finite, or only the rows in the mask
        ``finite``."""
        array = self.raw(key)
        if array.dtype.kind not in "fiub":
            raise self.fail(key, f"expected numbers, found {array.dtype}")
        fits = array.ndim == len(shape) and all(
            want in (None, have) for want, have in zip(shape, array.shape, strict=False)
        )
        if not fits:
            wanted = tuple("any" if n is None else n for n in shape)
            raise self.fail(key, f"shape {array.shape}, expected {wanted}")
        array = array.astype(np.float64)
        bad = ~np.isfinite(array if finite is None else array[finite])
        if bad.any():
            raise self.fail(key, f"{int(bad.sum())} values are not finite")
        return array

    def positive(self, key: str) -> float:
        """One positive number."""
        value = float(self.take(key, ()))
        if value <= 0:
            raise self.fail(key, f"{value:g}; expected a positive number")
        return value

    def rotations(self, key: str, count: int | None) -> np.ndarray:
        """Rotation matrices ``[N 3 3]``."""
        R = self.take(key, (count, 3, 3))
        off = np.abs(R @ R.transpose(0, 2, 1) - np.eye(3)).max() if len(R) else 0.0
        if off > 1e-3 or (np.linalg.det(R) < 0).any():
            raise self.fail(
                key, f"has matrices that are not rotations (R R^T is off by {off:.2g}, or the determinant is negative)"
            )
        return R


def key_cameras(arrays: Arrays, frames: int) -> tuple[np.ndarray, np.ndarray, float]:
    """``R [T 3 3]`` and ``t [T 3]`` (world to camera, in the file's unit) and ``key_focal``.

    Keys: ``key_R (K,3,3)`` world to camera, ``key_C (K,3)`` centres, ``key_names (K,)`` whose stem is the frame's
    number, ``key_focal``. Rotations are interpolated by slerp, centres linearly; frames before the first and after the
    last key frame get its camera. Raises BadInput.
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


#: Points with a well-defined position on the body; face, finger and foot points are not scored.
LIMB_JOINTS: tuple[int, ...] = tuple(
    BLAZEPOSE33.index(f"{side}_{part}")
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
)
#: Z-up to Y-up: (x, y, z) -> (x, z, -y).
Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


def read_truth(path: Path, frames: int) -> Truth:
    """The 12 limb joints and the camera in a metric world with Y up (float32). Raises BadInput."""
    arrays = Arrays(path)
    ids = arrays.take("joint_ids", (None,)).astype(int).tolist()
    missing = [BLAZEPOSE33[i] for i in LIMB_JOINTS if i not in ids]
    if missing:
        raise arrays.fail("joint_ids", f"lacks {', '.join(missing)}")
    joints = arrays.take("joints_world", (frames, len(ids), 3))[:, [ids.index(i) for i in LIMB_JOINTS]]
    R = arrays.rotations("R_cw", frames)
    C = arrays.take("C", (frames, 3) if arrays.raw("C").ndim == 2 else (3,))
    K = arrays.take("K", (3, 3))
    if K[0, 0] <= 0 or K[1, 1] <= 0:
        raise arrays.fail("K", f"focal lengths {K[0, 0]:g} and {K[1, 1]:g}, expected positive px")
    t = -(R @ np.broadcast_to(C, (frames, 3))[..., None])[..., 0]
    camera = CameraTrajectory(
        R=as_float(R @ Y_UP.T),
        t=as_float(t),
        focal=as_float(np.tile(K[[0, 1], [0, 1]], (frames, 1))),
        centre=as_float(np.tile(K[:2, 2], (frames, 1))),
        unit="metre",
    )
    return Truth(as_float(joints @ Y_UP.T), "blazepose33", LIMB_JOINTS, camera=camera)


SUFFIX = ".landmarks.npz"
LAYOUT, POINTS = "blazepose33", 33


class LandmarksDataset:
    """Implements :class:`diffopt_core.interfaces.Dataset`."""

    def __init__(self, config: LandmarksDatasetConfig, ctx: BuildContext | None = None):
        self._config = config

    def accepts(self, path: Path) -> bool:
        return path.name.lower().endswith(SUFFIX) and path.is_file()

    def load(self, path: Path) -> Clip:
        """Read and check (float32). Raises BadInput naming file and key.

        Without key frames the camera is assumed static, with a warning; but if a truth with a camera is beside the
        file, the clip has no camera unless ``static`` is set.
        """
        config, arrays = self._config, Arrays(path)
        observations = _observations(arrays)
        frames = len(observations.valid)
        fps = config.fps or arrays.positive("fps")
        size = arrays.take("image_size", (2,))
        if (size <= 0).any():
            raise arrays.fail("image_size", f"{size.tolist()}, expected positive width and height")
        width, height = int(size[0]), int(size[1])
        name = path.name[: -len(SUFFIX)] if path.name.lower().endswith(SUFFIX) else path.name
        beside = path.with_name(f"{name}.truth.npz")
        where = config.truth or (beside if beside.exists() else None)
        truth = read_truth(where, frames) if where else None
        if "key_R" in arrays:
            R, t, solved = key_cameras(arrays, frames)
            wide = config.focal or solved * width / config.key_width
            camera = _camera(R, t, wide, (width, height), travel_of(as_float(R), as_float(t)))
        elif truth is None or config.static:
            camera = _standing(config.focal or arrays.positive("focal_px"), frames, (width, height))
            warnings.warn(
                f"{path}: the file has no camera; it is assumed static, with a focal length of "
                f"{float(camera.focal[0, 0]):.0f} px",
                stacklevel=2,
            )
        else:
            camera = None
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return Clip(name, path, fps, (width, height), frames, observations, None, camera, None, truth, digest)


def _observations(arrays: Arrays) -> Observations:
    """Landmarks, 2D and 3D; frames without the person become zeros with confidence 0."""
    layout = str(arrays.raw("layout"))
    if layout != LAYOUT:
        raise arrays.fail("layout", f"'{layout}', expected '{LAYOUT}'")
    frames = len(arrays.raw("landmarks_2d")) if arrays.raw("landmarks_2d").ndim else 0
    if frames < 3:
        raise arrays.fail("landmarks_2d", f"has {frames} frames; expected at least 3")
    valid = arrays.take("valid", (frames,)) > 0 if "valid" in arrays else np.ones(frames, bool)
    flat = arrays.take("landmarks_2d", (frames, POINTS, 4), valid)
    world = arrays.take("landmarks_world", (frames, POINTS, 4), valid)
    valid &= (flat[..., 3] > 0).any(1) & (world[..., :3] != 0).any((1, 2))
    if not valid.any():
        raise arrays.fail("landmarks_2d", "the person is not found in any frame (no visible landmark)")
    for key, array in (("landmarks_2d", flat), ("landmarks_world", world)):
        visibility = array[valid][..., 3]
        if visibility.min() < -1e-3 or visibility.max() > 1 + 1e-3:
            raise arrays.fail(key, "has visibilities (last column) outside [0, 1]")
        array[~valid] = 0.0
        array[..., 3] = array[..., 3].clip(0.0, 1.0)
    return Observations(
        keypoints=as_float(flat[..., [0, 1, 3]]), layout=LAYOUT, valid=torch.from_numpy(valid),
        landmarks=as_float(world), landmark_layout=LAYOUT,
    )  # fmt: skip


def _standing(focal: float, frames: int, size: tuple[int, int]) -> CameraTrajectory:
    """A static camera at the world's origin."""
    return _camera(np.tile(np.eye(3), (frames, 1, 1)), np.zeros((frames, 3)), focal, size)


def _camera(
    R: np.ndarray, t: np.ndarray, focal: float, size: tuple[int, int], travel: Travel = "unknown"
) -> CameraTrajectory:
    centre = torch.tensor(size, dtype=torch.float32) / 2
    frames = len(R)
    sides = torch.full((frames, 2), float(focal))
    return CameraTrajectory(as_float(R), as_float(t), sides, centre.expand(frames, 2), travel=travel)
