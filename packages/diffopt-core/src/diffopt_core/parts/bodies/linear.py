"""Body models with a linear shape space and linear blend skinning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ...data.invariant import by_rows
from ...data.skeleton import JOINTS
from ...errors import DiffOptError
from ...types import HumanMotion, map_tensors
from .anchors import Anchors, joint_anchors
from .stick_body import TreeBody


class ForeignBetas(DiffOptError):
    """Betas of one body model given to another."""


def check_betas(motion: HumanMotion, body: str) -> None:
    """Raise :class:`ForeignBetas` if the motion has betas of another model.

    Zero betas are the mean shape of every model and are accepted.
    """
    if motion.betas_of != body and bool((motion.betas != 0).any()):
        remedies = ["--body smpl with your own model file"] if motion.betas_of == "smpl" else []
        remedies += ["--set body.shape=mean (the mean shape, all betas ignored)"] if body != "smpl" else []
        raise ForeignBetas(
            f"betas of '{motion.betas_of}' given to body '{body}': poses are interchangeable, shapes are not. "
            f"Use {' or '.join(remedies or ['betas of zero'])}"
        )


def blended(dirs: Float[Tensor, "*d K"], x: Float[Tensor, "*b K"]) -> Float[Tensor, "*b *d"]:
    """The sum of the directions, weighted by a clip's (or a frame's) own values only."""
    found = by_rows(lambda rows: torch.einsum("...k,bk->b...", dirs, rows), x.flatten(0, -2))
    return found.unflatten(0, x.shape[:-1])


def shape_blend(
    template: Float[Tensor, "V 3"], shapedirs: Float[Tensor, "V 3 K"], betas: Float[Tensor, "B K"]
) -> Float[Tensor, "B V 3"]:
    """Rest vertices of a shape, m (eq. 8: ``T + sum_k beta_k S_k``)."""
    return template + blended(shapedirs, betas)


def pose_feature(pose: Float[Tensor, "*b 24 3 3"]) -> Float[Tensor, "*b 207"]:
    """Entries of ``R_j - I`` of the 23 body joints, row by row: what ``posedirs`` multiplies (eq. 9)."""
    identity = torch.eye(3, dtype=pose.dtype, device=pose.device)
    return (pose[..., 1:, :, :] - identity).flatten(-3)


def skin(
    vertices: Float[Tensor, "*#b V 3"],
    weights: Float[Tensor, "V J"],
    rotations: Float[Tensor, "*b J 3 3"],
    positions: Float[Tensor, "*b J 3"],
    rest_joints: Float[Tensor, "*#b J 3"],
) -> Float[Tensor, "*b V 3"]:
    """Posed vertices ``sum_j w_vj (G_j (v - r_j) + p_j)``, m.

    ``rotations``, ``positions``: global ``G_j``, ``p_j`` of forward kinematics. ``vertices`` and ``rest_joints``
    are of the rest pose and share one origin; their leading dimensions broadcast.
    """
    moved = positions - (rotations @ rest_joints.unsqueeze(-1)).squeeze(-1)
    affine = weights @ torch.cat([rotations.flatten(-2), moved], dim=-1)  # *b V 12: blended G and p - G r
    turned = affine[..., :9].unflatten(-1, (3, 3)) @ vertices.unsqueeze(-1)
    return turned.squeeze(-1) + affine[..., 9:]


NUM_BETAS = 10
#: Frames skinned at a time, because a whole clip of a 6,890-vertex mesh would need gigabytes.
FRAMES_AT_ONCE = 128


@dataclass(frozen=True)
class BodyArrays:
    """The arrays of an SMPL-like model; rest pose, metres, Y up, facing +Z, in the model's own origin."""

    template: Float[Tensor, "V 3"]
    shapedirs: Float[Tensor, "V 3 10"]
    weights: Float[Tensor, "V 24"]
    joint_regressor: Float[Tensor, "24 V"]
    faces: Int[Tensor, "F 3"]
    posedirs: Float[Tensor, "V 3 207"] | None = None

    @staticmethod
    def of(arrays: Mapping[str, Any], device: torch.device, dtype: torch.dtype = torch.float32) -> BodyArrays:
        """Create from arrays with SMPL's names (``v_template``, ``shapedirs`` …)."""

        def tensor(key: str) -> Tensor:
            return torch.as_tensor(np.asarray(arrays[key], dtype=np.float64), dtype=dtype, device=device)

        return BodyArrays(
            template=tensor("v_template"),
            shapedirs=tensor("shapedirs")[..., :NUM_BETAS],
            weights=tensor("weights"),
            joint_regressor=tensor("J_regressor"),
            faces=torch.as_tensor(np.asarray(arrays["f"]).astype(np.int64), device=device),
            posedirs=tensor("posedirs") if "posedirs" in arrays else None,
        )

    def to(self, like: Tensor) -> BodyArrays:
        """The floating arrays in the dtype and on the device of ``like``."""
        return map_tensors(self, lambda value: value.to(like) if value.is_floating_point() else value)


class LinearBody(TreeBody):
    """A skinned mesh body. ``points``: named keypoints as weights over vertices; other names are joints.
    ``mean_shape``: use the mean shape and ignore betas; otherwise a motion with betas of another model is refused
    (ForeignBetas).
    """

    def __init__(
        self, name: str, arrays: BodyArrays, points: Mapping[str, Float[Tensor, "V"]], mean_shape: bool = False
    ):
        self.arrays = arrays
        self._mean_shape = mean_shape
        self._passed: Tensor | None = None
        self.faces = arrays.faces
        crown = torch.nn.functional.one_hot(arrays.template[:, 1].argmax(), len(arrays.template))
        anchors, rows = _anchors(arrays, {**points, "head_top": crown})
        super().__init__(name, anchors, rows)
        self._joint_template = arrays.joint_regressor @ arrays.template
        self._joint_dirs = torch.einsum("jv,vdk->jdk", arrays.joint_regressor, arrays.shapedirs)

    def rest_joints(self, betas: Float[Tensor, "B 10"]) -> Float[Tensor, "B 24 3"]:
        """T-pose joints relative to the pelvis, m."""
        joints = self._regressed(betas)
        return joints - joints[:, :1]

    def rest_pelvis(self, betas: Float[Tensor, "B 10"]) -> Float[Tensor, "B 3"]:
        """The rest pelvis relative to the model's origin, m: ``trans`` minus SMPL's ``transl``."""
        return self._regressed(betas)[:, 0]

    def vertices(self, motion: HumanMotion) -> Float[Tensor, "B T V 3"]:
        """The skinned mesh in the world, m."""
        rotations, positions = self._posed(motion)
        arrays = self.arrays.to(positions)
        betas = self._shape(motion.betas).to(positions)
        rest = shape_blend(arrays.template, arrays.shapedirs, betas).unsqueeze(1)
        joints = self._regressed(betas).unsqueeze(1)
        parts = []
        for first in range(0, positions.shape[1], FRAMES_AT_ONCE):
            some = slice(first, first + FRAMES_AT_ONCE)
            shaped = rest
            if arrays.posedirs is not None:
                feature = pose_feature(motion.pose[:, some])
                shaped = rest + torch.einsum("vdp,btp->btvd", arrays.posedirs, feature)
            parts.append(skin(shaped, arrays.weights, rotations[:, some], positions[:, some], joints))
        return torch.cat(parts, dim=1) + motion.trans.unsqueeze(-2)

    def _regressed(self, betas: Float[Tensor, "B 10"]) -> Float[Tensor, "B 24 3"]:
        betas = self._shape(betas)
        dirs, template = self._joint_dirs.to(betas), self._joint_template.to(betas)
        return template + blended(dirs, betas)

    def _shape(self, betas: Tensor) -> Tensor:
        return torch.zeros_like(betas) if self._mean_shape else betas

    def _check(self, motion: HumanMotion) -> None:
        # reading values makes the host wait for the GPU, so the same betas are checked once
        if not self._mean_shape and motion.betas_of != self.name and motion.betas is not self._passed:
            check_betas(motion, self.name)
            self._passed = motion.betas

    def _offsets(self, anchors: Anchors, motion: HumanMotion) -> Float[Tensor, "B *t J 24 3"]:
        assert anchors.offset_betas is not None
        betas = self._shape(motion.betas).to(anchors.offset)
        offset = anchors.offset + blended(anchors.offset_betas, betas)
        if anchors.offset_pose is None:
            return offset
        return offset.unsqueeze(1) + blended(anchors.offset_pose, pose_feature(motion.pose))


def smpl_transl(body: LinearBody, motion: HumanMotion) -> Float[Tensor, "B T 3"]:
    """SMPL's ``transl`` of a motion, m: ``trans`` minus the rest-pose pelvis (the root rotates about the pelvis)."""
    return motion.trans - body.rest_pelvis(motion.betas).unsqueeze(1)


def _anchors(arrays: BodyArrays, points: Mapping[str, Tensor]) -> tuple[Anchors, dict[str, int]]:
    """Anchors of the named points, followed by those of the joints."""
    regressor = torch.stack([row.to(arrays.template) for row in points.values()])
    joints = arrays.joint_regressor @ arrays.template
    joint_dirs = torch.einsum("jv,vdk->jdk", arrays.joint_regressor, arrays.shapedirs)
    weight = regressor @ arrays.weights
    pull = regressor.unsqueeze(-1) * arrays.weights  # K V 24: r_v w_vj
    offset = torch.einsum("kvj,vd->kjd", pull, arrays.template) - weight.unsqueeze(-1) * joints
    dirs = torch.einsum("kvj,vdp->kjdp", pull, arrays.shapedirs) - weight[..., None, None] * joint_dirs
    own = joint_anchors(weight.dtype, weight.device)
    pose = None
    if arrays.posedirs is not None:
        pose = torch.einsum("kvj,vdp->kjdp", pull, arrays.posedirs)
        pose = torch.cat([pose, pose.new_zeros(len(own.weight), *pose.shape[1:])])
    names = [*points, *(f"joint:{name}" for name in JOINTS)]
    anchors = Anchors(
        weight=torch.cat([weight, own.weight]),
        offset=torch.cat([offset, own.offset]),
        offset_betas=torch.cat([dirs, dirs.new_zeros(len(own.weight), *dirs.shape[1:])]),
        offset_pose=pose,
    )
    return anchors, {name: i for i, name in enumerate(names)}
