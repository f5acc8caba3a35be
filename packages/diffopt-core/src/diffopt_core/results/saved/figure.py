"""Skeleton and mesh of a result on disk."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...data.geometry import forward_kinematics
from ...data.skeleton import PARENTS
from ...errors import BadInput, DiffOptError, MissingResource
from ...parts.bodies import anny24, smpl
from ...parts.bodies.linear import BodyArrays, LinearBody, shape_blend
from ...parts.bodies.stick import BONES
from ...types import Result


def rest_from_joints(pose: Tensor, joints: Tensor) -> Tensor:
    """(24, 3) T-pose joints about the pelvis, from rotations (T, 24, 3, 3) and joints (T, 24, 3): each bone in its
    parent's frame, averaged over the frames."""
    rotations, _ = forward_kinematics(pose, torch.zeros_like(joints), PARENTS)
    rest = joints.new_zeros(24, 3)
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            bone = joints[:, joint] - joints[:, parent]
            rest[joint] = rest[parent] + (rotations[:, parent].mT @ bone.unsqueeze(-1)).squeeze(-1).mean(0)
    return rest


def posed(pose: Tensor, trans: Tensor, rest: Tensor) -> Tensor:
    """World joints (T, 24, 3) of a posed skeleton, m."""
    return forward_kinematics(pose, rest, PARENTS)[1] + trans.unsqueeze(-2)


#: Corners of a bone's cross-section, and where along the bone it is widest.
_CORNERS, _WAIST = 8, 0.2


@dataclass(frozen=True)
class Surface:
    """``vertices`` (V, 3) m in the rest pose about the pelvis joint, ``normals`` (V, 3), ``faces`` (F, 3), ``weights``
    (V, 24). ``drawn``: bones drawn for a body without a mesh. ``correctives``: the body has pose correctives, which
    linear blend skinning leaves out."""

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    weights: np.ndarray
    drawn: bool = False
    correctives: bool = False

    def strongest(self, count: int) -> tuple[np.ndarray, np.ndarray, float]:
        """The ``count`` largest weights of each vertex, normalised to sum to 1: joints (V, count), weights, and the
        largest total weight that was dropped. Joints without weight are 0."""
        order = np.argsort(-self.weights, axis=1, kind="stable")[:, :count]
        kept = np.take_along_axis(self.weights, order, axis=1).astype(np.float64)
        whole = kept.sum(1, keepdims=True)
        kept = (kept / whole).astype(np.float32)
        return np.where(kept > 0, order, 0), kept, float((1.0 - whole).max())

    def words(self, body: str, dropped: float) -> dict[str, Any]:
        """Entries of an export's JSON about the skin: which mesh, and what the format's skinning leaves out."""
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
    """A double cone for each bone of the rest skeleton (24, 3), each moved by the joint at its start."""
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
    """Unit vertex normals, weighted by face area; +y for a vertex without a face."""
    corners = vertices.astype(np.float64)[faces]
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros(vertices.shape, np.float64)
    for corner in range(3):
        np.add.at(total, faces[:, corner], face)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.where(length > 1e-12, total / np.maximum(length, 1e-12), [0.0, 1.0, 0.0]).astype(np.float32)


log = logging.getLogger(__name__)
#: If the joints of a result are further than this (m) from those of the body, it was posed by another body.
_FAR = 1e-3
#: Rest pelvis of an average adult relative to SMPL's origin, m, used if no mesh body is available: pelvis minus SMPL's
#: `transl`.
STAND_IN = (0.0, -0.22, 0.03)


@dataclass(frozen=True)
class Figure:
    """``rest`` (24, 3) T-pose joints relative to the pelvis, m; ``pelvis`` (3,) the rest pelvis relative to the model's
    origin, exact or (``pelvis_known`` False) that of an average adult; ``betas`` (10,) the shape of the joints, zero
    for the mean. ``mesh`` is None if the body has none; ``missing`` then says why. ``gender``: of the SMPL model,
    neutral for all others."""

    rest: Tensor
    pelvis: Tensor
    pelvis_known: bool
    betas: Tensor
    mesh: LinearBody | None = None
    missing: str | None = None
    gender: str = "neutral"


def check_finite(result: Result, named: Mapping[str, Tensor]) -> None:
    """Raise BadInput if the result has no frame rate, or if one of these arrays lacks frames or is not finite."""
    clip, where, frames = result.clip, result.clip.path or result.clip.name, len(result.joints)
    if not (0 < clip.fps < float("inf") and frames):
        raise BadInput(
            where, "fps", f"is {clip.fps:g} for {frames} frames; expected a positive rate and at least one frame"
        )
    for key, value in named.items():
        if len(value) != frames:
            raise BadInput(where, key, f"has {len(value)} frames; expected {frames}, as joints")
        bad = ~value.detach().reshape(frames, -1).isfinite().all(-1)
        if bool(bad.any()):
            raise BadInput(
                where, key, f"is not finite in frame {int(bad.nonzero()[0])}; it cannot be shown or exported"
            )


def figure_of(result: Result) -> Figure:
    """The skeleton, and if possible the mesh, that has the joints of the result.

    Raises BadInput if its motion is not finite, DiffOptError if its joints fit neither the body that the result names
    nor any rigid skeleton.
    """
    motion = result.motion
    check_finite(result, {"joints": result.joints, "pose": motion.pose, "trans": motion.trans})
    return replace(_figure(result), gender=_gender(result))


def _gender(result: Result) -> str:
    """Gender of the solver's body, else of the model of the betas (``smpl-female``)."""
    if result.body_model == smpl.NAME:
        return str(_options(result.recipe).get("gender", "neutral"))
    return result.motion.betas_of.removeprefix(f"{smpl.NAME}-") if "-" in result.motion.betas_of else "neutral"


def _figure(result: Result) -> Figure:
    motion, joints = result.motion, result.joints.double()
    pose, trans = motion.pose.double(), motion.trans.double()
    betas = motion.betas.reshape(-1)[:10]
    body, missing = _mesh(result)
    if body is not None:
        own = [betas] if motion.betas_of == body.name else []
        for shape in (*own, torch.zeros_like(betas)):
            rest = body.rest_joints(shape[None])[0].double()
            if _apart(posed(pose, trans, rest), joints) < _FAR:
                return Figure(rest, body.rest_pelvis(shape[None])[0].double(), True, shape, body)
        missing = f"the joints of this result are not those of body '{body.name}' in any shape it names"
    given = result.clip.rest_joints.double() if result.clip.rest_joints is not None else None
    fits = given is not None and _apart(posed(pose, trans, given - given[:1]), joints) <= _FAR
    rest = given if given is not None and fits else rest_from_joints(pose, joints)
    rest = rest - rest[:1]
    off = _apart(posed(pose, trans, rest), joints)
    if off > _FAR:
        raise DiffOptError(
            f"{result.clip.path or result.clip.name}: joints: do not follow from its rotations (up to {off * 1e3:.0f} "
            "mm apart); was it written by another version, or changed by another program?"
        )
    return Figure(rest, rest.new_tensor(STAND_IN), False, betas, None, missing)


def _apart(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm(dim=-1).max())


def _mesh(result: Result) -> tuple[LinearBody | None, str | None]:
    """The mesh body of a result, or the reason why it is not available (None for a body without a mesh)."""
    if result.body_model == anny24.NAME:
        return anny24.load(), None
    if result.body_model == smpl.NAME:
        try:
            return _smpl(result.recipe), None
        except MissingResource as error:
            return None, str(error)
    if result.body_model != "stick":
        return None, f"the mesh of body '{result.body_model}' is not available: no installed plugin offers this body"
    return None, None


def _options(recipe: Mapping[str, Any]) -> Mapping[str, Any]:
    """Options of body ``smpl`` in a recipe; empty if it names another body or ``auto``."""
    role = recipe.get("body")
    return role.get("options", {}) if isinstance(role, Mapping) and role.get("name") == smpl.NAME else {}


def _smpl(recipe: Mapping[str, Any]) -> LinearBody:
    """SMPL as a skinned mesh, from the model file of the run or of the user; does not need smplx."""
    options = _options(recipe)
    path = options.get("path")
    arrays = smpl.read_model(smpl.find_model(Path(path) if path else None, options.get("gender", "neutral")))
    point = torch.zeros(len(arrays["v_template"]))
    return LinearBody(smpl.NAME, BodyArrays.of(arrays, torch.device("cpu")), {"none": point})
