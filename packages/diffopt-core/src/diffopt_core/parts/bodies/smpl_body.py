"""The body of :mod:`diffopt_core.parts.bodies.smpl`, in a separate module so that the config imports neither torch nor
smplx."""

from __future__ import annotations

import contextlib
import io
from typing import final

import smplx
import smplx.vertex_ids
import torch
from jaxtyping import Float
from torch import Tensor

from ...interfaces import BuildContext
from ...types import HumanMotion
from .linear import FRAMES_AT_ONCE, BodyArrays, LinearBody, check_betas, smpl_transl
from .smpl import NAME, SmplConfig, find_model, read_model

#: Our names of points -> smplx's names of vertices.
VERTEX_NAMES: dict[str, str] = {
    "nose": "nose", "left_eye": "leye", "right_eye": "reye", "left_ear": "lear", "right_ear": "rear",
    "left_big_toe": "LBigToe", "left_small_toe": "LSmallToe", "left_heel": "LHeel",
    "right_big_toe": "RBigToe", "right_small_toe": "RSmallToe", "right_heel": "RHeel",
}  # fmt: skip


@final
class SmplBody(LinearBody):
    """SMPL: joints and keypoints (no eye corners, mouth corners or knuckles) by forward kinematics, the mesh by
    smplx."""

    def __init__(self, config: SmplConfig, ctx: BuildContext):
        arrays, device = read_model(find_model(config.path, config.gender)), ctx.device
        with contextlib.redirect_stdout(io.StringIO()):  # smplx prints a warning about 10 shape components
            self._smplx = smplx.SMPLLayer(model_path="", data_struct=smplx.utils.Struct(**arrays)).to(device)
        table = smplx.vertex_ids.vertex_ids["smplh"]  # SMPL and SMPL-H share the mesh
        points = {name: torch.zeros(len(arrays["v_template"])) for name in VERTEX_NAMES}
        for name, row in points.items():
            row[table[VERTEX_NAMES[name]]] = 1.0
        super().__init__(NAME, BodyArrays.of(arrays, device), points)

    def vertices(self, motion: HumanMotion) -> Float[Tensor, "B T 6890 3"]:
        """SMPL's mesh in the world, m, by smplx."""
        check_betas(motion, self.name)
        B, T = motion.trans.shape[:2]
        transl = smpl_transl(self, motion).flatten(0, 1)
        pose = motion.pose.flatten(0, 1)
        betas = motion.betas.repeat_interleave(T, dim=0)
        parts = []
        for some in torch.arange(B * T, device=pose.device).split(FRAMES_AT_ONCE):
            out = self._smplx(
                betas=betas[some], global_orient=pose[some, :1], body_pose=pose[some, 1:], transl=transl[some]
            )
            parts.append(out.vertices)
        return torch.cat(parts).unflatten(0, (B, T))
