"""Dataset ``landmarks``: BlazePose landmarks of one video, with the camera of its key frames where one was solved.

Keys of ``<stem>.landmarks.npz`` (T frames, 33 BlazePose points):

- ``landmarks_2d (T,33,4)``: x px, y px, relative depth (not used), visibility in [0, 1]
- ``landmarks_world (T,33,4)``: x, y, z metres about the middle of the hips in OpenCV camera axes, visibility
- ``layout``: ``blazepose33``; ``fps``; ``image_size (2,)``: width, height px; ``focal_px``
- ``valid (T,)``, optional: frames in which the person was found; else those with any visible landmark
- ``key_R (K,3,3)``, ``key_C (K,3)``, ``key_names (K,)``, ``key_focal``, optional: see :mod:`.key_camera`
"""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path

import numpy as np
import torch
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import CameraTrajectory, Clip, Observations, Travel, as_float
from diffopt_core.window import travel_of

from .arrays import Arrays
from .key_camera import key_cameras
from .landmark_truth import read_truth
from .landmarks import LandmarksDatasetConfig

SUFFIX = ".landmarks.npz"
LAYOUT, POINTS = "blazepose33", 33


class LandmarksDataset:
    """Implements :class:`diffopt_core.interfaces.Dataset`."""

    def __init__(self, config: LandmarksDatasetConfig, ctx: BuildContext | None = None):
        self._config = config

    def accepts(self, path: Path) -> bool:
        return path.name.endswith(SUFFIX) and path.is_file()

    def load(self, path: Path) -> Clip:
        """Read and check (float32). Raises BadInput naming file and key.

        Without key frames the camera is taken to stand still, with a warning; but a truth with a camera beside
        the file says that it moved, and then the clip has no camera unless ``static`` asks for one.
        """
        config, arrays = self._config, Arrays(path)
        observations = _observations(arrays)
        frames = len(observations.valid)
        fps = config.fps or arrays.positive("fps")
        size = arrays.take("image_size", (2,))
        if (size <= 0).any():
            raise arrays.fail("image_size", f"{size.tolist()}, expected positive width and height")
        width, height = int(size[0]), int(size[1])
        name = path.name.removesuffix(SUFFIX)
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
                f"{path}: no camera was solved for this clip; it is taken to stand still, focal length "
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
        raise arrays.fail("landmarks_2d", f"{frames} frames, at least 3 are needed")
    valid = arrays.take("valid", (frames,)) > 0 if "valid" in arrays else np.ones(frames, bool)
    flat = arrays.take("landmarks_2d", (frames, POINTS, 4), valid)
    world = arrays.take("landmarks_world", (frames, POINTS, 4), valid)
    valid &= (flat[..., 3] > 0).any(1) & (world[..., :3] != 0).any((1, 2))
    if not valid.any():
        raise arrays.fail("landmarks_2d", "the person is found in no frame (no visible landmark)")
    for key, array in (("landmarks_2d", flat), ("landmarks_world", world)):
        visibility = array[valid][..., 3]
        if visibility.min() < -1e-3 or visibility.max() > 1 + 1e-3:
            raise arrays.fail(key, "visibility (last column) lies outside [0, 1]")
        array[~valid] = 0.0
        array[..., 3] = array[..., 3].clip(0.0, 1.0)
    return Observations(
        keypoints=as_float(flat[..., [0, 1, 3]]), layout=LAYOUT, valid=torch.from_numpy(valid),
        landmarks=as_float(world), landmark_layout=LAYOUT,
    )  # fmt: skip


def _standing(focal: float, frames: int, size: tuple[int, int]) -> CameraTrajectory:
    """A camera that is its own world."""
    return _camera(np.tile(np.eye(3), (frames, 1, 1)), np.zeros((frames, 3)), focal, size)


def _camera(
    R: np.ndarray, t: np.ndarray, focal: float, size: tuple[int, int], travel: Travel = "unknown"
) -> CameraTrajectory:
    centre = torch.tensor(size, dtype=torch.float32) / 2
    frames = len(R)
    sides = torch.full((frames, 2), float(focal))
    return CameraTrajectory(as_float(R), as_float(t), sides, centre.expand(frames, 2), travel=travel)
