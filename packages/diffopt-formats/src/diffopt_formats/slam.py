"""Camera paths of SLAM and odometry systems: rows of translation and quaternion, matrices, TUM and KITTI.

Rows ``tx ty tz qx qy qz qw``, camera to world, arbitrary scale: DROID-SLAM (returned by ``terminate()``, one row per
input image), DPVO (the pair of poses and times, or its first half), WHAM's ``slam_results.pth`` (joblib) and GVHMR's
``slam.pt``. If GVHMR used SimpleVO, the same file has ``T_w2c`` (L 4 4), world to camera, with steps of length one or
zero. Other matrices state their direction in their key or file name (``c2w``, ``w2c``); otherwise the user must give
it.

DROID-SLAM's reconstruction has keyframes only and is WORLD TO CAMERA, the opposite of ``terminate()``. One file
(``torch.save``) or, from older versions, a folder of ``.npy``: ``tstamps`` (K): index of the input image; ``poses`` (K
7); ``intrinsics`` (K 4): fx fy cx cy of the resized image divided by 8; ``images``, ``disps``.

TUM (DPVO, ORB-SLAM, ``evo``): ``time tx ty tz qx qy qz qw``, camera to world; the time is an image number, seconds, or
nanoseconds (EuRoC, ROS); lines that start with # are comments. KITTI: twelve numbers per line, the first three rows of
the camera-to-world matrix, one line per frame.

Sources: princeton-vl/DROID-SLAM droid_slam/droid.py, demo.py, depth_video.py; princeton-vl/DPVO dpvo/dpvo.py,
plot_utils.py; yohanshin/WHAM demo.py; zju3dv/GVHMR tools/demo/demo.py, hmr4d/utils/preproc/relpose/simple_vo.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.errors import BadInput, reading

from .fields import Fields, numbers, rows_of
from .poses import read_matrices, read_pose7, split_matrices
from .tracks import Cameras

#: Common names of the array in an ``.npz``.
_KEYS = ("poses", "traj", "traj_est", "trajectory", "arr_0", "slam", "pred_traj")
_TIMES = ("tstamps", "timestamps", "stamps")
#: Matrix names that state the direction: whether camera to world.
_DIRECTION = {
    "c2w": True, "cam2world": True, "camera_to_world": True, "T_c2w": True, "T_wc": True, "Twc": True, "cam_c2w": True,
    "T_w2c": False, "world2cam": False, "world_to_camera": False, "T_cw": False, "Tcw": False, "extrinsics": False,
    "w2c": False,
}  # fmt: skip
#: The encoder of DROID-SLAM works at an eighth of the image resolution, and stores its intrinsics at that resolution.
_SHARE = 8.0
#: DROID-SLAM scales every image to about this many pixels.
_AREA = 384 * 512


def droid_size(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height after DROID-SLAM's scaling and before it crops them to multiples of 8."""
    share = math.sqrt(_AREA / (size[0] * size[1]))
    return int(size[0] * share), int(size[1] * share)


def is_matrices(content: Any) -> bool:
    """Whether the content is N x 4 x 4, as an array or as a list of matrices."""
    if isinstance(content, np.ndarray) and content.dtype != object:
        return content.ndim == 3 and content.shape[1:] == (4, 4)
    return isinstance(content, list | np.ndarray) and len(content) > 0 and all(np.shape(m) == (4, 4) for m in content)


def matrix_key(content: Any) -> str | None:
    """The key of matrices in a mapping: one that states their direction, else the only one."""
    if not isinstance(content, Mapping):
        return None
    named = next((key for key in content if key in _DIRECTION and np.ndim(content[key]) == 3), None)
    only = next(iter(content)) if len(content) == 1 else None
    return named or (str(only) if only is not None and is_matrices(content[only]) else None)


def read_stack(content: Any, path: Path, form: str, direction: str = "auto") -> Cameras:
    """Matrices N 4 4 (or N 3 4). ``direction``: ``c2w``, ``w2c``; ``auto``: from the key, file name or system. Raises
    BadInput naming file and key, also if the direction is unknown.
    """
    key = matrix_key(content)
    value = content if key is None else content[key]
    back = {"c2w": True, "w2c": False}.get(direction)
    if back is None:
        back = _DIRECTION.get(key or "")
    if back is None:
        words = re.sub("[^a-z0-9]+", "_", f"_{path.stem.lower()}_")
        back = next((way for name, way in _DIRECTION.items() if f"_{name.lower()}_" in words), None)
    if back is None and (form in ("simplevo", "gvhmr") or path.suffix.lower() == ".pt"):
        back = False  # SimpleVO's
    if back is None:
        problem = "neither key nor file name states whether these matrices are camera to world or world to camera"
        raise BadInput(path, key or "matrices", f"{problem}: give --set camera.direction=c2w, or w2c")
    key = key or "T_w2c"
    T = numbers(path, key, value, (None, 4, 4), (None, 3, 4), finite=False)
    R, t, solved = read_matrices(*split_matrices(T, path, key), path, (key,), camera_to_world=back)
    name = "simplevo" if form in ("auto", "droid") else form
    return Cameras(path, name, "camera to world" if back else "world to camera", R, t, solved)


def rows_in(content: Any) -> tuple[str, Any, Any]:
    """Key, array and image numbers (or None) of the container of the rows; the array may be None."""
    if isinstance(content, Mapping):
        key = next((k for k in _KEYS if k in content), None)
        if key is None and len(content) == 1:
            key = next(iter(content))
        times = next((content[k] for k in _TIMES if k in content), None)
        return str(key), None if key is None else content[key], times
    if isinstance(content, tuple | list) and len(content) == 2 and [np.ndim(part) for part in content] == [2, 1]:
        return "poses", content[0], content[1]
    return "poses", content, None


def is_rows(content: Any) -> bool:
    """Whether a container has rows of seven numbers."""
    rows = rows_in(content)[1]
    return np.ndim(rows) == 2 and np.shape(rows)[1] == 7


def read_rows(content: Any, path: Path, quaternion: str, form: str) -> Cameras:
    """Rows of seven, camera to world. Raises BadInput naming file and key."""
    key, rows, times = rows_in(content)
    poses = numbers(path, key, rows, (None, 7), finite=False)
    if len(poses) and (poses == (0, 0, 0, 1, 0, 0, 0)).all():
        return _placeholder(len(poses), path, form)
    R, t, solved = read_pose7(poses, quaternion, path, key, camera_to_world=True)
    stamps = None if times is None else numbers(path, "tstamps", times, (len(poses),))
    return Cameras(path, form, "camera to world", R, t, solved, numbers=stamps)


def _placeholder(count: int, path: Path, form: str) -> Cameras:
    """WHAM's output without SLAM: it stands for the identity, but read as a pose it would turn the camera upside
    down."""
    note = (
        f"{path}: WHAM ran without SLAM and wrote a placeholder "
        "(its 1 is in the qx column); the camera is assumed static"
    )
    return standing(count, path, form, note)


def standing(count: int, path: Path, form: str, note: str) -> Cameras:
    """Cameras that do not move."""
    R = np.broadcast_to(np.eye(3), (count, 3, 3)).copy()
    return Cameras(
        path, form, "camera to world", R, np.zeros((count, 3)), np.ones(count, bool), unit="metre", static=True,
        notes=(note,),
    )  # fmt: skip


def is_reconstruction(content: Any) -> bool:
    """Whether this is DROID-SLAM's keyframe reconstruction."""
    keys = set(content) if isinstance(content, Mapping) else set()
    return {"poses", "tstamps"} <= keys and bool(keys & {"disps", "images", "intrinsics"})


def load_folder(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of a reconstruction folder (of the images, only the shape). Raises BadInput."""
    arrays: dict[str, np.ndarray] = {}
    for key in ("tstamps", "poses", "intrinsics"):
        path = folder / f"{key}.npy"
        with reading(path, key):
            arrays[key] = np.load(path, allow_pickle=False)
    return arrays


def read_reconstruction(content: Any, path: Path, quaternion: str, size: tuple[int, int]) -> Cameras:
    """``size``: width, height of the clip's images. Raises BadInput naming file and key."""
    held = Fields(path, content)
    poses = held.array("poses", (None, 7), finite=False)
    R, t, solved = read_pose7(poses, quaternion, path, "poses", camera_to_world=False)
    intrinsics = _SHARE * held.array("intrinsics", (len(poses), 4))
    resized = droid_size(size)
    images = np.shape(content["images"]) if "images" in content else None
    if images and tuple(images[-2:]) != (resized[1] // 8 * 8, resized[0] // 8 * 8):
        raise BadInput(
            path, "images",
            f"are {images[-1]} x {images[-2]}; DROID-SLAM makes {resized[0] // 8 * 8} x {resized[1] // 8 * 8} of this "
            f"video's {size[0]} x {size[1]}: this is another video, or it was cropped or rotated",
        )  # fmt: skip
    return Cameras(
        path, "droid-reconstruction", "world to camera", R, t, solved, numbers=held.array("tstamps", (len(poses),)),
        keyframes=True, focal=intrinsics[:, :2], centre=intrinsics[:, 2:], size=resized, intrinsics_key="intrinsics",
    )  # fmt: skip


def read_tum(text: str, path: Path, quaternion: str, form: str = "tum") -> Cameras:
    """Raises BadInput naming file and line."""
    rows = rows_of(text, path, 8, "time tx ty tz qx qy qz qw")
    times = rows[:, 0]
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise BadInput(path, "time", "the first column does not increase from line to line")
    R, t, solved = read_pose7(rows[:, 1:], quaternion, path, "poses", camera_to_world=True)
    counts = bool((times == np.round(times)).all()) and times[0] < 1e6
    seconds, notes = (None, ()) if counts else _seconds(times, path)
    return Cameras(
        path, form, "camera to world", R, t, solved, numbers=times if counts else None, seconds=seconds, notes=notes
    )


def _seconds(times: np.ndarray, path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Times in seconds; clock times since 1970 are counted from the first. The unit is inferred from the step size."""
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    unit, per = next((u for u in (("nanoseconds", 1e9), ("microseconds", 1e6), ("milliseconds", 1e3))
                      if step >= u[1] / 1e3 and step > 3.0), ("seconds", 1.0))  # fmt: skip
    notes = () if per == 1 else (f"{path}: its times are assumed to be {unit}",)
    since = times[0] if times[0] / per > 1e6 else 0.0
    if since:
        notes = (*notes, f"{path}: its times are clock times; the first is assumed to be the first video frame")
    return (times - since) / per, notes


def read_kitti(text: str, path: Path) -> Cameras:
    """Raises BadInput naming file and line."""
    T = rows_of(text, path, 12, "the 3 x 4 matrix, row by row").reshape(-1, 3, 4)
    R, t, solved = read_matrices(T[:, :, :3], T[:, :, 3], path, ("poses",), camera_to_world=True)
    return Cameras(path, "kitti", "camera to world", R, t, solved)
