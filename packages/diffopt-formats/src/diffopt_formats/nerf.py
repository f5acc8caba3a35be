"""Cameras of nerfstudio and of ARKit apps: JSON, camera to world, axes x right, y UP, z BACK (OpenGL).

``transforms.json`` (nerfstudio, instant-ngp): ``frames`` of ``file_path`` and ``transform_matrix`` (4 4); ``fl_x``,
``fl_y``, ``cx``, ``cy``, ``w``, ``h`` (px) once or per frame, or ``camera_angle_x``; arbitrary scale.

ARKit: metres, gravity-aligned world with Y up. Supported are Record3D's ``metadata.json`` (``poses`` N 7: quaternion x
y z w, then translation; ``K``: nine numbers, column-major; ``w``, ``h``), a folder of Polycam's ``cameras/*.json``
(``t_00`` to ``t_23``), and lists of frames with ``transform`` (4 4, or 16 numbers, column-major as in
``simd_float4x4``), ``intrinsics`` and ``timestamp``. Sources: nerfstudio docs (data conventions), Record3D's and
Polycam's documentation of their exports.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.common.documents import read_json
from diffopt_core.errors import BadInput
from diffopt_core.types import Unit

from .fields import Fields, numbers
from .poses import quaternions_to_matrices, read_matrices, split_matrices
from .tracks import Cameras

_MATRIX = ("transform_matrix", "transform", "cameraTransform", "camera_transform", "cameraPoseARFrame", "pose")
_OPENCV = np.array([1.0, -1.0, -1.0])


def accepts(held: Any) -> bool:
    """Whether this is the content of such a file."""
    return _is_record3d(held) or bool(_frames(held))


def _is_record3d(held: Any) -> bool:
    return isinstance(held, Mapping) and {"poses", "K"} <= set(held)


def _frames(held: Any) -> Sequence[Any]:
    """The frames of a file, each with a matrix; empty for any other file."""
    frames: Any = held.get("frames") if isinstance(held, Mapping) else held
    good = isinstance(frames, list) and bool(frames) and all(isinstance(f, Mapping) for f in frames)
    return frames if good and any(key in frames[0] for key in _MATRIX) else ()


def in_folder(path: Path) -> bool:
    """Whether this is a folder of Polycam's cameras."""
    return bool(_polycam(path))


def _polycam(path: Path) -> list[Path]:
    for folder in (path, path / "keyframes" / "corrected_cameras", path / "keyframes" / "cameras"):
        files = sorted(file for file in folder.glob("*.json") if not file.name.startswith("."))
        if files and b'"t_00"' in files[0].read_bytes()[:4096]:
            return files
    return []


def read_folder(path: Path) -> Cameras:
    """Polycam's cameras, one file per key frame, named by time in microseconds or by number. Raises BadInput."""
    files = _polycam(path)
    rows, lens = [], []
    for file in files:
        held = Fields(file, read_json(file))
        rows.append([[held.number(f"t_{i}{j}") for j in range(4)] for i in range(3)])
        lens.append([float(held.array(key, ())) for key in ("fx", "fy", "cx", "cy", "width", "height")])
    T, values = numbers(path, "t_00", rows, (None, 3, 4)), np.array(lens)
    return _cameras(
        path, "arkit", T, "t_00", names=tuple(file.name for file in files), focal=values[:, :2], centre=values[:, 2:4],
        size=(int(values[0, 4]), int(values[0, 5])), intrinsics_key="fx",
    )  # fmt: skip


def read(path: Path, held: Any) -> Cameras:
    """Raises BadInput naming file and key."""
    if _is_record3d(held):
        return _record3d(Fields(path, held))
    frames = [Fields(path, frame, f"frames.{i}") for i, frame in enumerate(_frames(held))]
    if not frames:
        raise BadInput(path, "frames", f"missing; expected a list of frames with one of {', '.join(_MATRIX)}")
    key = next(key for key in _MATRIX if key in frames[0])
    T = np.stack([frame.array(key, (4, 4), (3, 4), (16,)).reshape(-1, 4) for frame in frames])
    if (
        T.shape[1] == 4
        and np.abs(T[:, 3] - (0, 0, 0, 1)).max() > 1e-4
        and np.abs(T[:, :, 3] - (0, 0, 0, 1)).max() < 1e-4
    ):
        T = T.swapaxes(1, 2)  # by columns
    names = [str(frame.held.get("file_path", frame.held.get("image", ""))) for frame in frames]
    times = [frame.number("timestamp") for frame in frames]
    whole = Fields(path, held) if isinstance(held, Mapping) else frames[0]
    found = _intrinsics(whole, frames)
    form = "nerfstudio" if key == _MATRIX[0] else "arkit"
    natural = [re.sub(r"\d+", lambda found: found[0].zfill(20), str(name)) for name in names]
    order = np.argsort(natural, kind="stable") if all(names) else np.arange(len(names))
    seconds = None if all(names) or any(time is None for time in times) else np.array(times) - (times[0] or 0.0)
    lens = {k: v[order] if isinstance(v, np.ndarray) else v for k, v in found.items()}
    return _cameras(
        path, form, T[order], key, seconds=seconds,
        names=tuple(Path(names[i].replace("\\", "/")).name for i in order) if all(names) else None, **lens,
    )  # fmt: skip


def _intrinsics(whole: Fields, frames: list[Fields]) -> dict[str, Any]:
    """Focal length, centre and size as in :class:`.tracks.Cameras`; empty if the file has none."""
    K = [frame for frame in frames if "intrinsics" in frame]
    if len(K) == len(frames):
        M = np.stack([frame.array("intrinsics", (3, 3), (9,)).reshape(3, 3) for frame in frames])
        M = M.swapaxes(1, 2) if (M[:, 0, 2] == 0).all() else M  # by columns
        return {"focal": M[:, [0, 1], [0, 1]], "centre": M[:, :2, 2], "intrinsics_key": "intrinsics"}

    def each(key: str) -> list[float] | None:
        values = [frame.number(key) if key in frame else whole.number(key) for frame in frames]
        return None if any(value is None for value in values) else [float(value or 0) for value in values]

    size, fx, cx, cy = (each("w"), each("h")), each("fl_x"), each("cx"), each("cy")
    angle = whole.number("camera_angle_x")
    out: dict[str, Any] = {}
    if size[0] and size[1]:
        out["size"] = (int(size[0][0]), int(size[1][0]))
        if fx is None and angle:
            fx = [size[0][0] / 2 / math.tan(angle / 2)] * len(frames)
    if fx is not None:
        out |= {"focal": np.stack([fx, each("fl_y") or fx], 1), "intrinsics_key": "fl_x"}
    if cx and cy:
        out["centre"] = np.stack([cx, cy], 1)
    if any(whole.number(key) for key in ("k1", "k2", "p1", "p2")):
        out["notes"] = (f"{whole.path}: its cameras have lens distortion, which is ignored",)
    return out


def _record3d(held: Fields) -> Cameras:
    poses = held.array("poses", (None, 7))
    K = held.array("K", (9,), (3, 3)).reshape(3, 3).T
    q = poses[:, :4] / np.linalg.norm(poses[:, :4], axis=1, keepdims=True).clip(1e-9)
    T = np.concatenate([quaternions_to_matrices(q), poses[:, 4:, None]], 2)
    size = None if "w" not in held or "h" not in held else (int(held.array("w", ())), int(held.array("h", ())))
    count = len(poses)
    return _cameras(
        held.path, "arkit", T, "poses", focal=np.tile([K[0, 0], K[1, 1]], (count, 1)),
        centre=np.tile([K[0, 2], K[1, 2]], (count, 1)), size=size, intrinsics_key="K",
    )  # fmt: skip


def _cameras(path: Path, form: str, T: np.ndarray, key: str, **more: Any) -> Cameras:
    """Cameras from camera-to-world matrices with OpenGL axes."""
    R, t = split_matrices(T, path, key)
    R, t, solved = read_matrices(R * _OPENCV, t, path, (key,), camera_to_world=True)
    notes = (*more.pop("notes", ()), f"{path}: {form}'s axes (y up, z back) were converted to OpenCV's")
    unit: Unit = "metre" if form == "arkit" else "arbitrary"
    return Cameras(
        path, form, "camera to world, y up and z back", R, t, solved, keyframes=more.get("names") is not None,
        unit=unit, level=form == "arkit", notes=notes, **more,
    )  # fmt: skip
