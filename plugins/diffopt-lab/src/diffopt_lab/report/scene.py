"""The player's data: meshes, joints and rotations by frame, cameras, keypoints, images; numbers in a blob."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from diffopt_core.data.rotation import matrix_to_quaternion
from diffopt_core.data.skeleton import JOINTS, LAYOUTS
from diffopt_core.results.saved.figure import Surface
from diffopt_core.types import CameraTrajectory, Observations, Result
from torch import Tensor

from ..picture.style import BONES
from .blob import Blob
from .tracks import Stage, Track

#: Joints that move a vertex in the player.
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
    """Rest vertices in steps, normals in bytes, the strongest weights of each vertex in bytes that sum to 255."""
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
    """The root in metres, the joints about it in steps. Without a pelvis the root is the mean of the joints."""
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
    """Pixels in steps of a fraction of a pixel, confidence in bytes; a keypoint that is not there has none."""
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
