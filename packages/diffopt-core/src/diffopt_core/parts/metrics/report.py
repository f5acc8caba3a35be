"""Scoring files against truth, and means over sequences."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...common.npz import read_npz
from ...data.rotation import axis_angle_to_matrix
from ...data.skeleton import JOINTS
from ...errors import BadInput, DiffOptError, UnknownName
from ...host.contract import answers
from ...host.shipped import is_shipped
from ...interfaces import BuildContext, Metric, Scored
from ...plugin import resolve
from ...types import CameraTrajectory, HumanMotion
from . import COMPONENTS, DEFAULT
from .evidence import NotScorable, ScoredMotion

Arrays = dict[str, np.ndarray]


def scored_from_files(pred: Path | str, truth: Path | str) -> ScoredMotion:
    """``pred``: a result folder or its ``motion.npz``; ``truth``: a truth file of the case format.

    Both hold ``joints (T, 24, 3)``, world, m, Y up; ``pred`` holds ``fps``. Rotations (``global_orient``,
    ``body_pose``, ``transl``) and cameras (``cam_R``, ``cam_t``) are optional, for the metrics that need them; an
    optional ``good`` (T,) of ``truth`` marks the frames to score. Raises BadInput with file and key.
    """
    pred, truth = Path(pred), Path(truth)
    pred = pred / "motion.npz" if pred.is_dir() else pred
    ours, theirs = read_npz(pred), read_npz(truth)
    joints = _array(pred, ours, "joints", (None, len(JOINTS), 3))
    true = _array(truth, theirs, "joints", (None, len(JOINTS), 3))
    if len(joints) != len(true):
        how = (
            "; a result of a part (--frames, --shot, --resample) is scored by its run, with truth/<clip>.npz beside "
            "the input, or here against the same frames of the truth" if len(joints) < len(true) else ""
        )  # fmt: skip
        raise BadInput(truth, "joints", f"{len(true)} frames, but {pred} has {len(joints)}{how}")
    fps = float(_array(pred, ours, "fps", ()))
    if not (np.isfinite(fps) and fps > 0):
        raise BadInput(pred, "fps", f"is {fps}; expected a positive number of frames per second")
    if "fps" in theirs and abs(float(_array(truth, theirs, "fps", ())) - fps) > 1e-3 * fps:
        raise BadInput(truth, "fps", f"is {float(theirs['fps'])}; expected {fps}, as in {pred}")
    return ScoredMotion(
        pred=joints,
        true=true,
        fps=fps,
        names=JOINTS,
        pred_motion=_motion(pred, ours, len(joints)),
        true_motion=_motion(truth, theirs, len(true)),
        pred_camera=_camera(pred, ours, len(joints)),
        true_camera=_camera(truth, theirs, len(true)),
        good=_array(truth, theirs, "good", (len(true),)) > 0 if "good" in theirs else None,
    )


def _array(path: Path, arrays: Arrays, key: str, shape: tuple[int | None, ...]) -> Tensor:
    if key not in arrays:
        raise BadInput(path, key, f"is missing; the file has the keys {', '.join(sorted(arrays)) or 'none'}")
    value = arrays[key]
    fits = value.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, value.shape, strict=True))
    if not fits or value.dtype.kind not in "fiub" or not value.size:
        want = ", ".join("T" if n is None else str(n) for n in shape)
        raise BadInput(path, key, f"has shape {value.shape} and type {value.dtype}, expected numbers ({want})")
    return torch.from_numpy(value.astype(np.float64))


def _motion(path: Path, arrays: Arrays, T: int) -> HumanMotion | None:
    if not {"global_orient", "body_pose", "transl"} <= arrays.keys():
        return None
    orient = _array(path, arrays, "global_orient", (T, 3))
    body = _array(path, arrays, "body_pose", (T, 23, 3))
    pose = axis_angle_to_matrix(torch.cat([orient[:, None], body], dim=1))
    # Metrics on files do not use betas, which need a body model.
    return HumanMotion(pose, _array(path, arrays, "transl", (T, 3)), torch.zeros(10, dtype=torch.float64))


def _camera(path: Path, arrays: Arrays, T: int) -> CameraTrajectory | None:
    if not {"cam_R", "cam_t"} <= arrays.keys():
        return None
    # Metrics use only the camera pose; the intrinsics are nan, so that they cannot be used by mistake.
    unread = torch.full((T, 2), torch.nan, dtype=torch.float64)
    R, t = _array(path, arrays, "cam_R", (T, 3, 3)), _array(path, arrays, "cam_t", (T, 3))
    return CameraTrajectory(R, t, focal=unread, centre=unread)


#: ``BuildContext.build``: kind, name, options -> object.
Build = Callable[[str, str, Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Report:
    """Scores of one motion. ``values``: the mean of each metric, nan if there is none; ``missing`` then says why.
    ``frames``: the values of each mean (one per frame for most metrics), in ``units``.
    """

    values: dict[str, float]
    units: dict[str, str]
    frames: dict[str, Tensor]
    missing: dict[str, str]


@dataclass(frozen=True)
class Aggregate:
    """One metric over several clips.

    ``frame_mean``, as EMDB, WHAM and GVHMR print: mean over the values of all clips, so that long clips weigh more.
    ``clip_mean`` and ``clip_median`` weigh clips equally. ``missing`` clips had no value and are in none of them.
    """

    frame_mean: float
    clip_mean: float
    clip_median: float
    clips: int
    missing: int


def metrics_named(names: Sequence[str] = DEFAULT, build: Build | None = None) -> dict[str, Metric]:
    """The metrics of these names; UnknownName otherwise. Without ``build``, from the built-in ones."""
    make = build or _build_builtin
    return {name: make("metric", name, {}) for name in names}


def hold_metric(name: str, ctx: BuildContext) -> None:
    """Ask a metric of another distribution once, before any solve; DiffOptError names what it breaks."""
    who = ctx.host.source("metric", name)
    if is_shipped(who):
        return
    metric = ctx.build("metric", name)
    points = torch.randn(8, len(JOINTS), 3, generator=torch.Generator().manual_seed(0))
    with answers(ctx.host, "metric", name), suppress(NotScorable):
        found = metric(ScoredMotion(points + 0.01, points, 30.0, JOINTS))
        if not isinstance(found, Tensor | np.ndarray | float | int) or not isinstance(metric.unit, str):
            given = f"a {type(found).__name__} in {metric.unit!r}"
            raise DiffOptError(
                f"metric '{name}' of {who} breaks its contract: gave {given}, expected numbers and a unit"
            )


def score(scored: Scored, metrics: Mapping[str, Metric]) -> Report:
    """Apply metrics; if one raises NotScorable, or its mean is not finite, the value is nan with a reason."""
    values: dict[str, float] = {}
    frames: dict[str, Tensor] = {}
    missing: dict[str, str] = {}
    for name, metric in metrics.items():
        values[name] = math.nan
        try:
            found = torch.as_tensor(metric(scored)).detach().cpu().double()
        except NotScorable as reason:
            missing[name] = str(reason)
            continue
        if found.numel() and found.isfinite().all():
            values[name], frames[name] = float(found.mean()), found
        else:
            missing[name] = "the metric gave no value or one that is not finite"
    return Report(values, {name: metric.unit for name, metric in metrics.items()}, frames, missing)


def aggregate(reports: Iterable[Report]) -> dict[str, Aggregate]:
    """Every metric over several clips, under both ways of taking the mean."""
    reports = list(reports)
    out = {}
    for name in dict.fromkeys(name for r in reports for name in r.values):
        clips = [r.frames[name].reshape(-1) for r in reports if name in r.frames]
        means = torch.stack([clip.mean() for clip in clips]) if clips else torch.tensor([math.nan])
        pooled = torch.cat(clips) if clips else means
        out[name] = Aggregate(
            frame_mean=float(pooled.mean()),
            clip_mean=float(means.mean()),
            clip_median=float(means.quantile(0.5)),  # torch.median would return the lower of the two middle values
            clips=len(clips),
            missing=len(reports) - len(clips),
        )
    return out


def _build_builtin(kind: str, name: str, options: Mapping[str, Any]) -> Any:
    rows = {row.name: row for row in COMPONENTS}
    if name not in rows:
        raise UnknownName(kind, name, rows)
    sets = rows[name].sets
    return resolve(sets["builds"])(**sets["arguments"])
