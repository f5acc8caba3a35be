"""PHALP and 4D-Humans: ``results/*.pkl``, joblib, frame path -> its tracks (PHALP/trackers/PHALP.py).

Rotations are matrices in the camera frame. ``tid`` includes tracks that were only predicted; those in ``tracked_ids``
were detected. The camera is weak perspective in a box; in the full image it gives SMPL's transl for any focal length,
as in SLAHMR's export (preproc/export_phalp.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.errors import BadInput

from .fields import Fields, numbers, rotations
from .tracks import Contents, Track, Weak

#: Keys of a frame that identify the format.
SIGNATURE = {"tid", "tracked_ids", "smpl", "camera_bbox"}


def accepts(held: Any) -> bool:
    """Whether this is the content of such a file."""
    first = next(iter(held.values()), None) if isinstance(held, dict) else None
    return isinstance(first, dict) and len(SIGNATURE & set(first)) >= 3


def parse(path: Path, held: Any) -> Contents:
    """The people in a file's content. Raises BadInput."""
    frames = Fields(path, held).held
    seen: dict[str, list[dict[str, Any]]] = {}
    times: set[int] = set()
    for order, name in enumerate(sorted(frames, key=str)):
        frame = Fields(path, frames[name], Path(str(name)).name)
        time = int(numbers(path, frame.name("time"), frame.raw("time"), ())) if "time" in frame else order
        if time in times or time < 0:
            raise frame.fail("time", f"frame {time} occurs twice or is negative")
        times.add(time)
        tracked = {int(i) for i in np.ravel(frame.raw("tracked_ids"))}
        for index, tid in enumerate(np.ravel(frame.raw("tid")).tolist()):
            if int(tid) in tracked:
                seen.setdefault(str(int(tid)), []).append({"time": time, **_person(frame, index)})
    if not seen:
        raise BadInput(path, "tracked_ids", f"no person is tracked in any of {len(frames)} frames")
    total = max(times) + 1
    return Contents(tuple(_track(path, tid, rows, total) for tid, rows in seen.items()))


def _entry(frame: Fields, key: str, index: int) -> Any:
    values = frame.raw(key)
    if not isinstance(values, list | tuple | np.ndarray) or index >= len(values):
        raise frame.fail(key, f"has no entry {index}: truncated?")
    return values[index]


def _person(frame: Fields, index: int) -> dict[str, Any]:
    def entry(key: str, shape: tuple[int, ...]) -> np.ndarray:
        return numbers(frame.path, frame.name(key), _entry(frame, key, index), shape)

    smpl = Fields(frame.path, _entry(frame, "smpl", index), frame.name("smpl"))
    person = {
        "orient": smpl.array("global_orient", (3, 3)),
        "pose": smpl.array("body_pose", (23, 3, 3)),
        "betas": smpl.array("betas", (10,)),
        "camera": entry("camera_bbox", (3,)),
        "centre": entry("center", (2,)),
        "box": entry("bbox", (4,)),
        "size": entry("size", (2,)),
    }
    extra = frame.held.get("extra_data")
    if isinstance(extra, list) and index < len(extra) and np.shape(extra[index]) == (25, 3):
        person["keypoints"] = numbers(frame.path, frame.name("extra_data"), extra[index], (25, 3))
    return person


def _track(path: Path, tid: str, rows: list[dict[str, Any]], total: int) -> Track:
    rows = sorted(rows, key=lambda row: row["time"])
    if len({row["time"] for row in rows}) < len(rows):
        raise BadInput(path, "tid", f"person {tid} occurs twice in one frame")

    def stack(key: str) -> np.ndarray:
        return np.stack([row[key] for row in rows])

    camera, boxes, sizes = stack("camera"), stack("box"), stack("size")
    if (sizes != sizes[0]).any():
        raise BadInput(path, "size", "the images differ in size")
    height, width = sizes[0]
    scale = boxes[:, 2:].max(-1) * camera[:, 0] / 2
    if (scale <= 0).any():
        raise BadInput(path, "camera_bbox", "a scale is not positive")
    offset = camera[:, 1:] + (stack("centre") - [width / 2, height / 2]) / scale[:, None]
    all_seen = all("keypoints" in row for row in rows)
    return Track(
        tool="PHALP",
        id=tid,
        frames=np.array([row["time"] for row in rows]),
        total=total,
        orient=rotations(path, "smpl.global_orient", stack("orient")),
        body_pose=rotations(path, "smpl.body_pose", stack("pose")),
        betas=stack("betas"),
        weak=Weak(scale, offset),
        boxes=boxes,
        size=(int(width), int(height)),
        keypoints=stack("keypoints") if all_seen else None,
        layout="openpose25" if all_seen else None,
    )
