"""The charts' data: over time, by joint and by step. Numbers only; ``page/chart.js`` and related scripts draw them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from diffopt_core.data.contact import LEAST_RATE, RULE, standing
from diffopt_core.data.geometry import project, world_to_camera
from diffopt_core.data.skeleton import FEET, JOINT, JOINTS, LAYOUTS
from diffopt_core.parts.assumed import marked
from diffopt_core.parts.metrics.quality import CONFIDENT
from diffopt_core.types import CameraTrajectory, Result
from torch import Tensor

from ..picture.panels import steps_of
from .scene import Blob
from .tracks import INITIAL, Stage, Track

#: Points of a loss curve; more than the chart's width in pixels.
_POINTS = 320

Chart = dict[str, Any]


def charts_of(stage: Stage, head: Result, blob: Blob) -> list[Chart]:
    """The charts in display order; those without data are omitted."""
    fps = head.clip.fps
    found = [
        {"kind": "above", "title": "From above", "unit": marked("m", head)},
        _errors(stage, blob),
        _joint_errors(stage, blob),
        _contacts(stage, fps, blob),
        _speeds(stage, head, blob),
        _reprojection(stage, head, blob),
        _bands(stage, head, blob),
        _weights(head, blob),
        *_camera_charts(stage, head, blob),
        _losses(head, blob),
    ]
    return [chart for chart in found if chart is not None]


def _series(track: Track, values: Tensor, blob: Blob) -> dict[str, Any]:
    return {"label": track.label, "role": track.role, "values": blob.add(values)}


def _over_time(title: str, unit: str, series: list[dict[str, Any]], note: str) -> Chart | None:
    chart = {"kind": "time", "title": title, "unit": unit, "zero": True, "series": series, "note": note}
    return chart if series else None


def _errors(stage: Stage, blob: Blob) -> Chart | None:
    series = [_series(t, t.error.nanmean(-1), blob) for t in stage.tracks if t.error is not None]
    note = "Mean joint error after one rigid fit of the whole clip."
    return _over_time("Error", "mm", series, note)


def _joint_errors(stage: Stage, blob: Blob) -> Chart | None:
    """A bar per joint, with a mark for the current frame."""
    rows = [t for t in stage.tracks if t.error is not None]
    if not rows:
        return None
    errors = [t.error for t in rows if t.error is not None]
    known = [n for n in range(len(JOINTS)) if bool(errors[0][:, n].isfinite().any())]
    return {
        "kind": "bars", "title": "Error by joint", "unit": "mm", "joints": [JOINTS[n].replace("_", " ") for n in known],
        "series": [
            {"label": t.label, "role": t.role, "mean": e[:, known].nanmean(0).tolist(),
             "values": blob.steps(e[:, known], 0.25)}
            for t, e in zip(rows, errors, strict=True)
        ],
        "note": "Bars: mean over the clip, after one rigid fit of the whole clip. Marks: the current frame.",
    }  # fmt: skip


def _contacts(stage: Stage, fps: float, blob: Blob) -> Chart | None:
    """Frames in which ankles and balls of the feet are low and slow."""
    if fps < LEAST_RATE:
        return None
    shown = [(t, standing(t.joints, fps).to(torch.uint8)) for t in stage.tracks if t.role != INITIAL]
    true = None if stage.truth is None else standing(stage.truth, fps).to(torch.uint8)
    rows = []
    for n in (0, 2, 1, 3):  # side by side
        bars = [_series(t, stands[:, n], blob) for t, stands in shown]
        if true is not None and stage.truth is not None and bool(stage.truth[:, FEET[n]].isfinite().all()):
            bars.append({"label": "truth", "role": "truth", "values": blob.add(true[:, n], "u1")})
        rows.append({"label": JOINTS[FEET[n]].replace("_foot", " ball").replace("_", " "), "bars": bars})
    return {"kind": "contact", "title": "Feet on the ground", "rows": rows, "note": f"{RULE.capitalize()}."}


def _speeds(stage: Stage, head: Result, blob: Blob) -> Chart | None:
    def speed(joints: Tensor) -> Tensor:
        return torch.gradient(joints[:, 0, [0, 2]], dim=0)[0].norm(dim=-1) * head.clip.fps

    if len(stage.tracks[0].joints) < 2:
        return None
    series = [_series(t, speed(t.joints), blob) for t in stage.tracks]
    if stage.truth is not None and bool(stage.truth[:, 0].isfinite().any()):
        series.append({"label": "truth", "role": "truth", "values": blob.add(speed(stage.truth))})
    note = "Horizontal speed of the pelvis."
    return _over_time("Speed", marked("m/s", head), series, note)


def _reprojection(stage: Stage, head: Result, blob: Blob) -> Chart | None:
    """Median distance to the keypoints, px per frame."""
    seen = head.clip.observations
    if seen is None:
        return None
    shared = [(i, JOINT[name]) for i, name in enumerate(LAYOUTS[seen.layout]) if name in JOINT]
    points = seen.keypoints.detach().cpu().double()[:, [i for i, _ in shared]]
    counted = (points[..., 2] > CONFIDENT) & seen.valid.cpu()[:, None]
    series = []
    for track in stage.tracks:
        if track.camera is None:
            continue
        camera = track.camera
        seen_from = world_to_camera(track.joints[:, [j for _, j in shared]], camera.R, camera.t)
        off = (project(seen_from, camera.focal, camera.centre) - points[..., :2]).norm(dim=-1)
        series.append(_series(track, torch.where(counted, off, torch.nan).nanmedian(-1).values, blob))
    note = "Median distance between joints and keypoints of the same name; gaps where the person was not detected."
    return _over_time("Reprojection", "px", series, note)


def _bands(stage: Stage, head: Result, blob: Blob) -> Chart | None:
    series = [_series(t, t.spread * 1000, blob) for t in stage.tracks if t.spread is not None]
    note = "90 % radius of the pelvis position, estimated from several solves."
    return _over_time("90 % band", marked("mm", head), series, note)


def _weights(head: Result, blob: Blob) -> Chart | None:
    """Weight per frame of each term that weights frames."""
    told = head.provenance.get("weights", {})
    series = [{"label": name, "role": "final", "values": blob.add(torch.tensor(row))} for name, row in told.items()]
    note = "1 where the motion is typical for the prior or there is no evidence; lower for atypical motion."
    return _over_time("Weight of the prior", "", series, note)


def _camera_charts(stage: Stage, head: Result, blob: Blob) -> list[Chart]:
    """Small charts: height, pan, tilt, roll, focal length."""
    paths = [(t.label, t.role, t.camera) for t in stage.tracks if t.camera is not None]
    if stage.true_camera is not None:
        paths.append(("truth", "truth", stage.true_camera))
    if not paths:
        return []
    angles = [_angles(camera) for *_, camera in paths]
    rows = [("height", marked("m", head), [camera.position[:, 1] for *_, camera in paths])]
    rows += [(name, "°", [a[:, n] for a in angles]) for n, name in enumerate(("pan", "tilt", "roll"))]
    rows.append(("focal length", "px", [camera.focal.double().mean(-1) for *_, camera in paths]))
    lines = [
        {
            "label": name,
            "unit": unit,
            "series": [
                {"label": label, "role": role, "values": blob.add(row)}
                for (label, role, _), row in zip(paths, values, strict=True)
            ],
        }
        for name, unit, values in rows
    ]
    return [{"kind": "stack", "title": "Camera", "rows": lines,
             "note": "Pan is about the vertical, relative to the first frame."}]  # fmt: skip


def _angles(camera: CameraTrajectory) -> Tensor:
    """Pan, tilt (up is positive) and roll (T, 3), degrees; pan unwrapped, relative to the first frame."""
    ahead, right, down = camera.R[:, 2], camera.R[:, 0], camera.R[:, 1]
    pan = np.unwrap(torch.atan2(ahead[:, 0], ahead[:, 2]).numpy())
    tilt = torch.asin(ahead[:, 1].clamp(-1, 1))
    roll = torch.atan2(-right[:, 1], -down[:, 1])
    return torch.stack([torch.from_numpy(pan - pan[0]), tilt, roll], dim=-1).rad2deg()


def _losses(head: Result, blob: Blob) -> Chart | None:
    """Every stage has the same width; long curves are reduced by averaging."""
    terms = list(dict.fromkeys(term for curves in head.log.values() for term in curves))
    stages, steps = [], steps_of(head)
    for name, curves in head.log.items():
        drawn = {term: _thinned(np.asarray(values, float)) for term, values in curves.items() if len(values)}
        told = [{"label": term, "term": terms.index(term), "values": blob.add(line)} for term, line in drawn.items()]
        stages.append({"label": name, "steps": steps[name], "terms": told})
    if not any(stage["terms"] for stage in stages):
        return None
    return {"kind": "loss", "title": "Losses", "stages": stages, "terms": terms,
            "note": "By step, logarithmic; zeros are not drawn. Every stage has the same width."}  # fmt: skip


def _thinned(values: np.ndarray) -> np.ndarray:
    if len(values) <= _POINTS:
        return values
    return np.array([part.mean() for part in np.array_split(values, _POINTS)])
