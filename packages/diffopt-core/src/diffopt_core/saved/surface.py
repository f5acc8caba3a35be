"""The mesh that goes into a file: rest pose, weights, faces; of a body, or drawn round the bones of a skeleton."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from ..bodies.linear import LinearBody
from ..bodies.skinning import shape_blend
from ..bodies.stick import BONES

#: Corners of a bone on its ring, and where along the bone the ring is widest.
_CORNERS, _WAIST = 8, 0.2


@dataclass(frozen=True)
class Surface:
    """``vertices`` (V, 3) m in the rest pose about the pelvis joint, ``normals`` (V, 3), ``faces`` (F, 3),
    ``weights`` (V, 24). ``drawn``: made up round the bones of a body without a mesh. ``correctives``: the body has
    pose correctives, which skinning alone leaves out."""

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    weights: np.ndarray
    drawn: bool = False
    correctives: bool = False

    def strongest(self, count: int) -> tuple[np.ndarray, np.ndarray, float]:
        """The ``count`` largest weights of each vertex, scaled to sum to one: joints (V, count), weights, and the
        largest sum that was left out. Joints without weight are 0."""
        order = np.argsort(-self.weights, axis=1, kind="stable")[:, :count]
        kept = np.take_along_axis(self.weights, order, axis=1).astype(np.float64)
        whole = kept.sum(1, keepdims=True)
        kept = (kept / whole).astype(np.float32)
        return np.where(kept > 0, order, 0), kept, float((1.0 - whole).max())

    def words(self, body: str, dropped: float) -> dict[str, Any]:
        """What the JSON beside a file says of the skin: whose mesh, and what a format's skinning left out."""
        told: dict[str, Any] = {
            "mesh": "bones drawn round the skeleton" if self.drawn else body,
            "dropped_weight_max": round(dropped, 5),
        }
        if self.correctives:
            told["left_out"] = "pose correctives of the body, which skinning does not have"
        return told


def body_surface(body: LinearBody, betas: Tensor) -> Surface:
    """The mesh of a body in the shape ``betas`` (10,)."""
    arrays = body.arrays
    vertices = shape_blend(arrays.template, arrays.shapedirs, betas.to(arrays.template)[None])[0]
    about = (vertices - body.rest_pelvis(betas.to(vertices)[None])[0]).numpy()
    faces = arrays.faces.numpy().astype(np.int64)
    weights = arrays.weights.numpy()
    return Surface(about, _normals(about, faces), faces, weights, correctives=arrays.posedirs is not None)


def drawn_surface(rest: Tensor) -> Surface:
    """A double cone for each bone of the rest skeleton (24, 3), each moved by the joint that it hangs on."""
    at = rest.double().numpy()
    vertices: list[np.ndarray] = []
    faces: list[np.ndarray] = []
    weights: list[np.ndarray] = []
    turn = np.linspace(0.0, 2 * np.pi, _CORNERS, endpoint=False)
    for parent, joint, radius in BONES:
        along = at[joint] - at[parent]
        length = float(np.linalg.norm(along))
        if length < 1e-6:
            continue
        along /= length
        side = np.cross(along, np.eye(3)[np.abs(along).argmin()])
        side /= np.linalg.norm(side)
        ring = np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * np.cross(along, side)
        waist = at[parent] + _WAIST * length * along + min(radius, length / 3) * ring
        first = sum(len(part) for part in vertices)
        vertices.append(np.vstack([at[parent], waist, at[joint]]))
        near = 1 + np.arange(_CORNERS)
        far = np.roll(near, -1)
        zero, tip = np.zeros_like(near), np.full_like(near, _CORNERS + 1)
        faces.append(first + np.vstack([np.c_[zero, far, near], np.c_[tip, near, far]]))
        weights.append(np.tile(np.eye(24, dtype=np.float32)[parent], (_CORNERS + 2, 1)))
    points = np.vstack(vertices).astype(np.float32)
    corners = np.vstack(faces)
    return Surface(points, _normals(points, corners), corners, np.vstack(weights), drawn=True)


def _normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals of the vertices, weighted by area; +y where a vertex has no face."""
    corners = vertices.astype(np.float64)[faces]
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros(vertices.shape, np.float64)
    for corner in range(3):
        np.add.at(total, faces[:, corner], face)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.where(length > 1e-12, total / np.maximum(length, 1e-12), [0.0, 1.0, 0.0]).astype(np.float32)
