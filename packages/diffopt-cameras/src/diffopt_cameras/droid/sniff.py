"""Which system wrote a file, by what it holds; and the one place that opens it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.common.unpickle import read_foreign
from diffopt_core.errors import BadInput

from .fields import describe
from .readers import colmap_text, kitti, pose7, prompthmr, reconstruction, simplevo, slahmr, tram, tum
from .saved import SavedCameras
from .text import data_lines, read_text

_POSE7 = frozenset({"droid", "dpvo", "wham", "gvhmr"})
_TEXT = frozenset({"colmap-text", "tum", "kitti"})
#: Files of the same systems that hold something else: one of their keys, and what to give instead.
_OTHERS = {
    "smpl_params_global": "this is GVHMR's result, which holds no cameras; give preprocess/slam.pt beside it",
    "cam_R": "this is SLAHMR's result, whose cameras were optimised along; give cameras.npz of its shot",
    "extrinsics": "cameras of EMDB are read with the dataset (--dataset emdb --camera gt)",
    "wham": "this is WHAM's result, which holds no cameras; give slam_results.pth beside it",
}


def load(path: Path, form: str, quaternion: str, size: tuple[int, int]) -> SavedCameras:
    """Read ``path`` as ``form`` (``auto``: found out). ``size``: width, height of the clip's images.

    Raises BadInput naming file and key.
    """
    if path.is_dir():
        return _folder(path, form, quaternion, size)
    if not path.exists():
        raise BadInput(path, "file", "does not exist")
    part = path.name == "poses.npy" and path.with_name("tstamps.npy").exists()
    if part and form in ("auto", "droid-reconstruction"):
        # keyframes, world to camera: read as the rows of `terminate()` they would be wrong without a sign of it
        return _folder(path.parent, "droid-reconstruction", quaternion, size)
    if form in _TEXT or (form in ("auto", "dpvo", "droid") and _is_text(path)):
        text = read_text(path)
        return _read_text(text, path, _text_form(text, path) if form not in _TEXT else form, quaternion, form)
    content = read_foreign(path)
    if form == "auto":
        form = _form(content, path)
    return _read(content, path, form, quaternion, size)


def _read(content: Any, path: Path, form: str, quaternion: str, size: tuple[int, int]) -> SavedCameras:
    if form == "droid-reconstruction":
        return reconstruction.read(content, path, quaternion, size)
    if form == "tram":
        return tram.read(content, path)
    if form == "prompthmr":
        return prompthmr.read(content, path)
    if form == "slahmr":
        return slahmr.read(content, path)
    if form == "simplevo" or (form == "gvhmr" and _is_matrices(content)):
        return simplevo.read(content, path)
    return pose7.read(content, path, quaternion, form)


def _read_text(text: str, path: Path, form: str, quaternion: str, asked: str) -> SavedCameras:
    if form == "colmap-text":
        beside = path.with_name("images.txt")
        if path.name == "cameras.txt" and beside.exists():
            return colmap_text.read(read_text(beside), beside)
        return colmap_text.read(text, path)
    if form == "kitti":
        return kitti.read(text, path)
    return tum.read(text, path, quaternion, asked if asked in _POSE7 else "tum")


def _folder(path: Path, form: str, quaternion: str, size: tuple[int, int]) -> SavedCameras:
    if form in ("auto", "colmap-text") and (path / "images.txt").exists():
        return colmap_text.read(read_text(path / "images.txt"), path / "images.txt")
    if form in ("auto", "droid-reconstruction") and (path / "poses.npy").exists():
        return reconstruction.read(reconstruction.load_folder(path), path, quaternion, size)
    raise BadInput(
        path, "folder", "holds neither a COLMAP text model (images.txt, cameras.txt) nor a DROID-SLAM reconstruction "
        "(poses.npy, tstamps.npy, intrinsics.npy); give the file itself",
    )  # fmt: skip


def _is_text(path: Path) -> bool:
    with open(path, "rb") as file:
        start = file.read(2048)
    return bool(start) and all(byte in b"\t\n\r\f" or 32 <= byte < 127 for byte in start)


def _text_form(text: str, path: Path) -> str:
    """Which of the text formats. Raises BadInput for JSON and the rest."""
    if text.lstrip().startswith(("{", "[")):
        raise BadInput(
            path, "file",
            "is JSON. SLAHMR's camera files of that kind are made for its viewer (y and z of the camera turned round, "
            "or the other direction) and are not read; give cameras.npz of its preprocessed cameras",
        )  # fmt: skip
    first = data_lines(text)[:1]
    words = first[0][1].replace(",", " ").split() if first else []
    if len(words) == 8:
        return "tum"
    if len(words) == 12:
        return "kitti"
    if len(words) >= 10 or path.name == "cameras.txt":
        return "colmap-text"
    raise BadInput(
        path, "line 1" if not first else f"line {first[0][0]}",
        f"holds {len(words)} words; TUM has 8 numbers (time tx ty tz qx qy qz qw), KITTI 12, COLMAP's images.txt 10",
    )  # fmt: skip


def _form(content: Any, path: Path) -> str:
    """Which system wrote what ``read_foreign`` gave. Raises BadInput where none is known that did."""
    if isinstance(content, Mapping):
        return _form_of_keys(content, path)
    if _is_matrices(content):
        return "simplevo"
    _, rows, _ = pose7.find(content)
    if np.ndim(rows) == 2 and np.shape(rows)[1] == 7:
        return {".pth": "wham", ".pt": "gvhmr"}.get(path.suffix, "droid")
    raise _unknown(content, path)


def _form_of_keys(content: Mapping[Any, Any], path: Path) -> str:
    keys = set(content)
    if "pred_cam_R" in keys or "world_cam_R" in keys:
        return "tram"
    if keys & {"camera_world", "people"} and keys & {"camera", "camera_world"}:
        return "prompthmr"
    if "w2c" in keys:
        return "slahmr"
    if {"poses", "tstamps"} <= keys and keys & {"disps", "images", "intrinsics"}:
        return "droid-reconstruction"
    for key, problem in _OTHERS.items():
        if key in keys:
            raise BadInput(path, key, problem)
    if isinstance(content.get("camera"), Mapping) and "extrinsics" in content["camera"]:
        raise BadInput(path, "camera", _OTHERS["extrinsics"])
    if any(isinstance(value, Mapping) and "pose_world" in value for value in content.values()):
        raise BadInput(path, "pose_world", _OTHERS["wham"])
    if "T_w2c" in keys or (len(keys) == 1 and _is_matrices(next(iter(content.values())))):
        return "simplevo"
    _, rows, _ = pose7.find(content)
    if np.ndim(rows) == 2 and np.shape(rows)[1] == 7:
        return "droid"
    raise _unknown(content, path)


def _is_matrices(content: Any) -> bool:
    """N x 4 x 4, as an array or as a list of matrices."""
    if isinstance(content, np.ndarray) and content.dtype != object:
        return content.ndim == 3 and content.shape[1:] == (4, 4)
    return isinstance(content, list | np.ndarray) and len(content) > 0 and all(np.shape(m) == (4, 4) for m in content)


def _unknown(content: Any, path: Path) -> BadInput:
    return BadInput(
        path, "format",
        f"no known camera file: it holds {describe(content)}; expected rows tx ty tz qx qy qz qw (N x 7), TRAM's "
        "pred_cam_R, SLAHMR's w2c, DROID-SLAM's poses and tstamps, PromptHMR's camera_world, or N x 4 x 4 world to "
        "camera; camera.format says which",
    )  # fmt: skip
