"""The player's data: meshes, joints and rotations by frame, cameras, keypoints, small images; numbers in one binary
blob."""

from __future__ import annotations

import base64
import io
import logging
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from diffopt_core.data.rotation import matrix_to_quaternion
from diffopt_core.data.skeleton import JOINTS, LAYOUTS
from diffopt_core.errors import DiffOptError
from diffopt_core.perception.video import read_frames
from diffopt_core.results.saved.figure import Surface
from diffopt_core.types import CameraTrajectory, Clip, Observations, Result
from torch import Tensor

from ..picture.style import BONES
from .tracks import Stage, Track

#: Quantisation step of joints relative to the pelvis: 0.1 mm, range 3.2 m.
STEP = 1e-4
#: Integer that encodes nan.
MISSING = -32768


class Blob:
    """``add`` returns an array's type, byte offset and count. Offsets are multiples of four."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, values: np.ndarray | Tensor, kind: str = "f4") -> dict[str, Any]:
        """``kind``: a little-endian NumPy type, f4, i2, i1, u1, u2 or u4; values must be in its range."""
        array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
        raw = np.ascontiguousarray(array).astype(f"<{kind}").tobytes()
        place = {"t": kind, "o": self._size, "n": array.size}
        raw += b"\0" * (-len(raw) % 4)
        self._parts.append(raw)
        self._size += len(raw)
        return place

    def steps(self, values: np.ndarray | Tensor, step: float = STEP) -> dict[str, Any]:
        """Numbers quantised to multiples of ``step``, two bytes each; nan is kept, values out of range are clipped."""
        array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
        whole = np.clip(np.round(array / step), MISSING + 1, 32767)
        return self.add(np.where(np.isfinite(array), whole, MISSING), "i2") | {"s": step}

    def text(self) -> str:
        return base64.b64encode(b"".join(self._parts)).decode()


log = logging.getLogger(__name__)
#: Most images (evenly over the clip); longest side, px; JPEG quality. About 1 MB in total.
MOST, LONGEST, _QUALITY = 100, 400, 55


def images_of(clip: Clip) -> dict[str, Any] | None:
    """``every``: frames between images; ``urls``: data URLs. None if the clip has no video or, with a notice, if it
    cannot be read."""
    if clip.video is None:
        return None
    from PIL import Image

    every = -(-clip.num_frames // MOST)
    some = replace(clip.video, frames=clip.video.frames[::every])
    urls = []
    try:
        for frame in read_frames(some, LONGEST):
            file = io.BytesIO()
            Image.fromarray(frame).save(file, "JPEG", quality=_QUALITY, optimize=True)
            urls.append("data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode())
    except DiffOptError as error:
        log.warning("%s: the report has no images of the video (%s)", clip.name, error)
        return None
    return {"every": every, "urls": urls}


#: Joints per vertex in the player.
_STRONGEST = 4
_UNIT = 1 / 32767


def scene_of(stage: Stage, head: Result, images: dict[str, Any] | None, blob: Blob) -> dict[str, Any]:
    """``head``: the result whose camera, keypoints and images are shown."""
    clip = head.clip
    cameras = [camera for camera in (_camera(track, blob) for track in stage.tracks) if camera]
    if stage.true_camera is not None:
        cameras.append({"label": "true camera", "role": "truth", **_path(stage.true_camera, blob)})
    return {
        "fps": clip.fps,
        "frames": len(head.joints),
        "size": list(clip.size) if clip.size[0] else None,
        "joints": list(JOINTS),
        "bones": [list(bone) for bone in BONES],
        "surfaces": [_mesh(surface, blob) for surface in stage.surfaces],
        "tracks": [_track(track, blob) for track in stage.tracks],
        "truth": None if stage.truth is None else _points(stage.truth, blob),
        "cameras": cameras,
        "keypoints": _keypoints(clip.observations, blob) if clip.size[0] else None,
        "images": images,
    }


def _mesh(surface: Surface, blob: Blob) -> dict[str, Any]:
    """Quantised rest vertices, normals as bytes, and the largest weights of each vertex as bytes that sum to 255."""
    joints, weights, _ = surface.strongest(_STRONGEST)
    parts = np.round(weights * 255).astype(np.int64)
    parts[:, 0] += 255 - parts.sum(1)
    normals = np.pad(np.round(surface.normals * 127), ((0, 0), (0, 1)))
    return {
        "vertices": blob.steps(np.pad(surface.vertices, ((0, 0), (0, 1)))),
        "normals": blob.add(normals, "i1"),
        "joints": blob.add(joints, "u1"),
        "weights": blob.add(parts, "u1"),
        "faces": blob.add(surface.faces, "u2" if len(surface.vertices) < 65536 else "u4"),
        "drawn": surface.drawn,
    }


def _track(track: Track, blob: Blob) -> dict[str, Any]:
    return {
        "label": track.label,
        "role": track.role,
        "surface": track.surface,
        "rest": blob.add(track.rest),
        "turns": blob.steps(_quaternions(track.turns), _UNIT),
        **_points(track.joints, blob),
    }


def _points(joints: Tensor, blob: Blob) -> dict[str, Any]:
    """The root in metres, the joints relative to it quantised. Without a pelvis, the root is the mean of the joints."""
    root = torch.where(joints[:, :1].isfinite(), joints[:, :1], joints.nanmean(1, keepdim=True))
    return {"root": blob.add(root), "about": blob.steps(joints - root)}


def _camera(track: Track, blob: Blob) -> dict[str, Any] | None:
    if track.camera is None:
        return None
    word = {"final": "camera", "initial": "initial camera"}.get(track.role, f"camera of {track.label}")
    return {"label": word, "role": track.role, "track": track.label, **_path(track.camera, blob)}


def _path(camera: CameraTrajectory, blob: Blob) -> dict[str, Any]:
    return {
        "position": blob.add(camera.position),
        "turns": blob.steps(_quaternions(camera.R), _UNIT),
        "focal": blob.add(camera.focal),
        "centre": blob.add(camera.centre),
    }


def _keypoints(seen: Observations | None, blob: Blob) -> dict[str, Any] | None:
    """Pixels quantised to a fraction of a pixel, confidence as bytes; a missing keypoint has confidence 0."""
    if seen is None:
        return None
    points = seen.keypoints.detach().cpu().double().numpy()
    there = np.isfinite(points).all(-1) & (points[..., 2] > 0) & seen.valid.cpu().numpy()[:, None]
    pixels = np.where(there[..., None], points[..., :2], np.nan)
    reach = np.nanmax(np.abs(pixels), initial=1.0)
    return {
        "layout": seen.layout,
        "names": list(LAYOUTS[seen.layout]),
        "pixels": blob.steps(pixels, float(reach) / 32000),
        "confidence": blob.add(np.where(there, np.clip(points[..., 2], 0, 1) * 255, 0), "u1"),
    }


def _quaternions(R: Tensor) -> Tensor:
    """x, y, z, w."""
    return matrix_to_quaternion(R.double())
