"""The keys of case and truth files, and all checks on them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

import numpy as np

from ...common.npz import Arrays
from ...data.skeleton import LAYOUTS
from ...errors import BadInput, UnknownName
from ...types import MotionEvidence, PosesFrom, Travel, Unit

#: Least number of frames: enough for third differences.
FEWEST_FRAMES = 3


@dataclass(frozen=True)
class Key:
    """Allowed shapes of a key (``T`` frames, ``J`` keypoints), type of its values, and whether it is required."""

    shapes: tuple[tuple[int | str, ...], ...]
    holds: str = "numbers"  # numbers, flags or text
    required: bool = True
    words: tuple[str, ...] = ()


def _key(*shape: int | str, holds: str = "numbers", required: bool = True) -> Key:
    return Key((shape,), holds, required)


def _word(choice: Any) -> Key:
    """An optional text key with one of the values of a ``Literal``."""
    return Key(((),), "text", False, get_args(choice))


CASE_KEYS: dict[str, Key] = {
    "fps": _key(),
    "image_size": _key(2),
    "keypoint_layout": _key(holds="text"),
    "keypoints": _key("T", "J", 3),
    "landmarks": _key("T", "L", 4, required=False),
    "landmark_layout": _key(holds="text", required=False),
    "init_global_orient": _key("T", 3),
    "init_body_pose": _key("T", 23, 3),
    "init_betas": Key(((10,), ("T", 10))),
    "init_transl": _key("T", 3),
    "cam_R": _key("T", 3, 3),
    "cam_t": _key("T", 3),
    "cam_focal": _key("T", 2),
    "cam_centre": _key("T", 2),
    "cam_metric": _key(holds="flags"),
    "cam_unit": _word(Unit),
    "cam_travel": _word(Travel),
    "cam_trusted": _key(holds="flags", required=False),
    "cam_filled": _key("T", holds="flags", required=False),
    "cam_up": _key("T", 3, required=False),
    "cam_up_var": _key("T", required=False),
    "init_from": _word(PosesFrom),
    "init_up": _key("T", 3, required=False),
    "init_up_var": _key("T", required=False),
    "init_velocity": _key("T", 3, required=False),
    "init_velocity_var": _key("T", 3, required=False),
    "init_contact": _key("T", 4, required=False),
    "init_pose_var": _key("T", 24, required=False),
    "init_depth_var": _key("T", required=False),
    "rest_joints": _key(24, 3, required=False),
    "valid": _key("T", holds="flags", required=False),
    "betas_model": _key(holds="text", required=False),
    "facts": _key(holds="text", required=False),
    "video": _key(holds="text", required=False),
    "video_frames": _key("T", required=False),
    "video_rotation": _key(required=False),
    "video_length": _key(required=False),
}

TRUTH_KEYS: dict[str, Key] = {
    "joints": _key("T", 24, 3),
    "global_orient": _key("T", 3, required=False),
    "body_pose": _key("T", 23, 3, required=False),
    "transl": _key("T", 3, required=False),
    "betas": _key(10, required=False),
    "cam_R": _key("T", 3, 3, required=False),
    "cam_t": _key("T", 3, required=False),
    "cam_focal": _key("T", 2, required=False),
    "slam_scale": _key(required=False),
    "good": _key("T", holds="flags", required=False),
}

#: A :class:`~diffopt_core.types.MotionEvidence`, field by field.
SAID = tuple(f"init_{field.name}" for field in fields(MotionEvidence))
#: Layout of landmarks, unless the file says otherwise.
LANDMARK_LAYOUT = "blazepose33"
#: Estimates of the person: their values in frames without the person are ignored.
PERSON = frozenset({"landmarks", "init_global_orient", "init_body_pose", "init_betas", "init_transl"})
#: Axis-angle vectors longer than two full turns, rad, must be in another unit.
_ROUNDS = 4 * np.pi
_KINDS = {"numbers": "iuf", "flags": "biuf", "text": "US"}


def check_case(path: Path, case: Arrays) -> None:
    """Raise BadInput, naming file and key, unless ``case`` is a valid case file."""
    _check_names(path, case, CASE_KEYS)
    points = {name: _points(path, case, key) for name, key in (("J", "keypoint_layout"), ("L", "landmark_layout"))}
    _check_words(path, case)
    frames = len(case["keypoints"]) if case["keypoints"].ndim else 0
    _check_shapes(path, case, CASE_KEYS, {"T": frames} | points)
    if frames < FEWEST_FRAMES:
        raise BadInput(path, "keypoints", f"has {frames} frames; expected at least {FEWEST_FRAMES}")
    valid = valid_frames(case)
    if not valid.any():
        raise BadInput(path, "valid", "the person was not found in any frame")
    _check_keypoints(path, case["keypoints"], valid)
    for key, value in case.items():
        if key not in CASE_KEYS or key == "keypoints" or CASE_KEYS[key].holds == "text":
            continue
        rows = valid if key in PERSON and value.ndim > 1 else None
        _check_finite(path, key, value, rows)
    if lacking := [key for key in SAID if (key in case) != (SAID[0] in case)]:
        raise BadInput(path, lacking[0], f"is missing; the keys {', '.join(SAID)} must all be present or all be absent")
    if ("cam_up" in case) != ("cam_up_var" in case):
        raise BadInput(path, "cam_up_var" if "cam_up" in case else "cam_up", "is missing; both are needed, or none")
    _check_positive(
        path, case, ("fps", "image_size", "cam_focal", "cam_up_var", *(key for key in SAID if key.endswith("_var")))
    )
    _check_rotations(path, case["cam_R"])
    for key in ("init_global_orient", "init_body_pose"):
        angle = float(np.linalg.norm(case[key][valid], axis=-1).max())
        if angle > _ROUNDS:
            raise BadInput(path, key, f"has rotations of up to {angle:.4g} rad: in degrees, not in radians?")
    if (case["init_transl"][valid, 2] <= 0).mean() > 0.5:
        raise BadInput(
            path, "init_transl", "is behind the camera; expected a camera frame with x right, y down, z forward"
        )


def check_truth(path: Path, truth: Arrays, frames: int) -> None:
    """Raise BadInput unless ``truth`` is a valid truth file for a clip of ``frames`` frames."""
    _check_names(path, truth, TRUTH_KEYS)
    _check_shapes(path, truth, TRUTH_KEYS, {"T": frames})
    for key in truth.keys() & TRUTH_KEYS.keys():
        _check_finite(path, key, truth[key], None)
    if "cam_R" in truth:
        _check_rotations(path, truth["cam_R"])
    _check_positive(path, truth, ("cam_focal", "slam_scale"))


def valid_frames(case: Arrays) -> np.ndarray:
    """(T,) bool: frames in which the person was found (all if the file has no ``valid``)."""
    return case["valid"].astype(bool) if "valid" in case else np.ones(len(case["keypoints"]), bool)


def text(value: np.ndarray) -> str:
    """A text array as a string."""
    item = value.reshape(-1)[0] if value.size else ""
    return item.decode(errors="replace") if isinstance(item, bytes) else str(item)


def _check_names(path: Path, arrays: Arrays, keys: dict[str, Key]) -> None:
    unknown = [key for key in arrays if key not in keys]
    for key in (k for k, spec in keys.items() if spec.required and k not in arrays):
        near = difflib.get_close_matches(key, unknown, n=1)
        raise BadInput(path, key, "is missing" + (f"; the file has '{near[0]}', is that the one?" if near else ""))
    optional = [k for k, spec in keys.items() if not spec.required and k not in arrays]
    for key in unknown:  # other keys are allowed, but a misspelt optional key must not be ignored
        if near := difflib.get_close_matches(key, optional, n=1, cutoff=0.85):
            raise BadInput(path, key, f"is not a key of this format; did you mean '{near[0]}'?")


def _points(path: Path, case: Arrays, key: str) -> int:
    """Number of points of the layout ``key``; landmarks are BlazePose's unless the file says otherwise."""
    layout = text(case[key]) if key in case else LANDMARK_LAYOUT
    if layout not in LAYOUTS:
        raise BadInput(path, key, str(UnknownName("keypoint layout", layout, LAYOUTS)))
    return len(LAYOUTS[layout])


def _check_words(path: Path, case: Arrays) -> None:
    for key, spec in CASE_KEYS.items():
        if spec.words and key in case and text(case[key]) not in spec.words:
            raise BadInput(path, key, f"is '{text(case[key])}'; expected {', '.join(spec.words)}")
    if "cam_unit" in case and (text(case["cam_unit"]) == "metre") != bool(case["cam_metric"].reshape(-1)[0]):
        raise BadInput(path, "cam_unit", f"is '{text(case['cam_unit'])}', which contradicts cam_metric")


def _check_shapes(path: Path, arrays: Arrays, keys: dict[str, Key], sizes: dict[str, int]) -> None:
    for key, spec in keys.items():
        if key not in arrays:
            continue
        value = arrays[key]
        if value.dtype.kind not in _KINDS[spec.holds]:
            raise BadInput(path, key, f"holds {value.dtype}; expected {spec.holds}")
        expected = [tuple(sizes[n] if isinstance(n, str) else n for n in shape) for shape in spec.shapes]
        if value.shape in expected or (expected == [()] and value.size == 1):
            continue
        written = " or ".join("(" + ", ".join(map(str, s)) + ("," if len(s) == 1 else "") + ")" for s in spec.shapes)
        where = ", ".join(f"{name} = {size}" for name, size in sizes.items() if name in written)
        raise BadInput(path, key, f"has shape {value.shape}; expected {written}{' with ' + where if where else ''}")


def _check_keypoints(path: Path, keypoints: np.ndarray, valid: np.ndarray) -> None:
    confidence, counts = keypoints[..., 2], valid[:, None]
    empty = (~np.isfinite(keypoints[..., :2]).all(-1) & (confidence > 0)) | ~np.isfinite(confidence)
    for bad, what in (
        (empty, "is not finite{}; expected finite values, or confidence 0"),
        ((confidence < 0) | (confidence > 1), "has a confidence outside [0, 1]{}"),
    ):
        if (bad & counts).any():
            t, j = np.argwhere(bad & counts)[0]
            raise BadInput(path, "keypoints", what.format(f" in frame {t}, keypoint {j}"))
    if not ((confidence > 0) & counts).any():
        raise BadInput(path, "keypoints", "all confidences are 0: there is nothing to fit")


def _check_finite(path: Path, key: str, value: np.ndarray, rows: np.ndarray | None) -> None:
    good = np.isfinite(value.reshape(len(value), -1) if value.ndim else value.reshape(1, 1)).all(-1)
    if rows is not None:
        good = good | ~rows
    if not good.all():
        where = f" (row {np.flatnonzero(~good)[0]})" if value.ndim else ""
        raise BadInput(path, key, f"is not finite{where}")


def _check_positive(path: Path, arrays: Arrays, keys: tuple[str, ...]) -> None:
    for key in keys:
        if key in arrays and (arrays[key] <= 0).any():
            raise BadInput(path, key, f"is {arrays[key].min():g} at its smallest; expected positive values")


def _check_rotations(path: Path, matrices: np.ndarray) -> None:
    """Check that matrices are orthogonal to 0.01 (float16 passes) and not reflections."""
    gram = np.abs(matrices @ matrices.swapaxes(-1, -2) - np.eye(3)).max((-1, -2))
    bad = (gram > 1e-2) | (np.linalg.det(matrices.astype(np.float64)) < 0)
    if bad.any():
        raise BadInput(path, "cam_R", f"is not a rotation in frame {np.flatnonzero(bad)[0]}")
