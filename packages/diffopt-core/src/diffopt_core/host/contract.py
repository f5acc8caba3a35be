"""Run-time checks of what components return, and one-line errors that name the component and its distribution."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, get_args, get_type_hints

import torch
from jaxtyping import jaxtyped
from torch import Tensor

from ..data.skeleton import LAYOUTS
from ..errors import BadInput, DiffOptError, reading
from ..interfaces import Host
from ..types import CameraFrameBody, CameraTrajectory, Clip, HumanMotion, MotionEvidence, Observations
from .shipped import is_shipped

Part = Observations | CameraTrajectory | CameraFrameBody | HumanMotion
_ROTATIONS = frozenset({"R", "global_orient", "body_pose", "pose"})
_POSITIVE = frozenset({"focal", "up_var", "velocity_var", "pose_var", "depth_var"})
#: Fields with one value per clip.
_OF_CLIP = frozenset({"betas"})


def named_file(options: Mapping[str, Any]) -> Any:
    """The file or folder that the options name; None if there is none."""
    named = (options.get(key) for key in ("file", "weights", "path", "stats", "boxes", "smpl"))
    return next((path for path in named if isinstance(path, str | Path) and os.path.exists(path)), None)


@contextmanager
def answers(host: Host, kind: str, name: str, file: Any = None) -> Iterator[None]:
    """Turn exceptions of a component into one line, blaming ``file`` if it was given one, else its distribution.

    DiffOptError passes through. So does a failure of our own components without a file, which is a bug of ours.
    """
    who = host.source(kind, name)
    key = "file" if is_shipped(who) else f"{kind} '{name}' of {who}"
    try:
        with nullcontext() if file is None else reading(file, key):
            yield
    except DiffOptError:
        raise
    except Exception as error:
        if is_shipped(who):
            raise
        said = " ".join(str(error).split())[:300]
        raise DiffOptError(f"{kind} '{name}' of {who} failed ({type(error).__name__}: {said})") from error


def hold_type(part: Any, wanted: type, host: Host, kind: str, name: str) -> None:
    """Raise DiffOptError, naming the component and who offers it, unless ``part`` is what its kind gives."""
    if not isinstance(part, wanted):
        who = host.source(kind, name)
        raise DiffOptError(f"{kind} '{name}' of {who} gave a {type(part).__name__}, expected {wanted.__name__}")


def hold(part: Part, frames: int, host: Host, kind: str, name: str, file: Any = None) -> None:
    """Raise DiffOptError unless ``part`` keeps its contract; names component, distribution and the violated rule."""
    if clause := broken(part, frames):
        where = f"{file}: " if file is not None else ""
        raise DiffOptError(f"{where}{kind} '{name}' of {host.source(kind, name)} gave {clause}")


def hold_clip(clip: Clip, host: Host, name: str) -> None:
    """As :func:`hold`, for everything that dataset ``name`` returns. Ground truth may have gaps (nan)."""
    motion = clip.truth.motion if clip.truth else None
    for part in (*clip.parts.values(), motion):
        if part is not None:
            hold(part, clip.num_frames, host, "dataset", name, clip.path)
    loose = {"fps": clip.fps, "focal": clip.focal, "rest_joints": clip.rest_joints}
    for key, value in loose.items():
        if value is not None and not bool(torch.as_tensor(value).isfinite().all()):
            raise BadInput(clip.path or clip.name, key, "is not finite")
    if not clip.fps > 0:
        raise BadInput(clip.path or clip.name, "fps", f"is {clip.fps:g}; expected a positive number")


def broken(part: Any, frames: int) -> str | None:
    """The rule that a part of ``frames`` frames violates, as text; None if it keeps its contract."""
    with jaxtyped("context"):
        return next(
            filter(None, (_broken(part, key, hint, frames) for key, hint in get_type_hints(type(part)).items())), None
        )


def _broken(part: Any, key: str, hint: Any, frames: int) -> str | None:
    value = getattr(part, key)
    if isinstance(value, MotionEvidence):
        return broken(value, frames)
    if key.endswith("layout") and value is not None and value not in LAYOUTS:
        return f"{key} '{value}'; known: {', '.join(LAYOUTS)}"
    if words := [word for word in get_args(hint) if isinstance(word, str)]:
        return None if value in words else f"{key} '{value}'; expected {', '.join(words)}"
    wanted = next((arg for arg in (hint, *get_args(hint)) if hasattr(arg, "dim_str")), None)
    if wanted is None or (value is None and hint is not wanted):
        return None
    return _broken_tensor(part, key, value, wanted, frames)


def _broken_tensor(part: Any, key: str, value: Any, wanted: Any, frames: int) -> str | None:
    if not isinstance(value, Tensor):
        return f"{key} as {type(value).__name__}; expected a tensor ({wanted.dim_str})"
    shape = f"{key} of shape {tuple(value.shape)} and type {str(value.dtype).removeprefix('torch.')}"
    if not isinstance(value, wanted) or (key not in _OF_CLIP and len(value) != frames):
        of = "" if key in _OF_CLIP else f" of {frames} frames"
        return f"{shape}; expected {wanted.__name__.rpartition('.')[2].partition('[')[0]} ({wanted.dim_str}){of}"
    if value.is_floating_point() and not bool(value.isfinite().all()):
        return f"{key} with {int((~value.isfinite()).sum())} of {value.numel()} values that are not finite"
    if key in _ROTATIONS and not _are_rotations(value):
        return f"{key} that are no rotation matrices"
    if key in _POSITIVE and not bool((value > 0).all()):
        return f"{key} that is not positive"
    if key == "keypoints":
        confidence, points = value[..., 2], LAYOUTS.get(part.layout, ())
        if points and value.shape[-2] != len(points):
            return f"{shape}; layout '{part.layout}' has {len(points)} points"
        if not bool(((confidence >= 0) & (confidence <= 1)).all()):
            return "keypoints with a confidence outside [0, 1]"
    return None


def _are_rotations(matrix: Tensor) -> bool:
    off = matrix @ matrix.mT - torch.eye(3, dtype=matrix.dtype, device=matrix.device)
    return bool((off.abs() < 1e-2).all() and (torch.linalg.det(matrix) > 0).all())
