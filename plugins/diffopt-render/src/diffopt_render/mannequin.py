"""A figure of round limbs about joints, for bodies without a mesh: every bone is a capsule, all posed at once."""

from __future__ import annotations

from functools import lru_cache

import torch
from diffopt_core.bodies.stick import BONES
from jaxtyping import Float
from torch import Tensor

_ROUND, _RINGS = 14, 4  # corners of a ring, rings of each end
#: Joint at the end of a bone -> how much thinner than the house's radius the limb is drawn: limbs, not a barrel.
_SLIM = 0.8


class Mannequin:
    """``joints`` (T, 24, 3), world, m; a bone with an end that is nan is left out of its frame."""

    def __init__(self, joints: Float[Tensor, "T 24 3"]):
        self._joints = joints.float()
        share, out, along, faces = _capsule()
        self._share, self._out, self._along = share, out, along
        count = len(share)
        bones = len(BONES)
        self.faces = torch.cat([faces + bone * count for bone in range(bones)])

    def vertices(self, frames: Tensor) -> Float[Tensor, "T V 3"]:
        """Of these frames."""
        joints = self._joints[frames]
        start, end = (joints[:, [bone[i] for bone in BONES]] for i in (0, 1))
        radius = _SLIM * joints.new_tensor([bone[2] for bone in BONES])[:, None]
        axis = end - start
        length = axis.norm(dim=-1, keepdim=True)
        axis = torch.where(length > 1e-6, axis / length.clamp_min(1e-6), axis.new_tensor([0.0, 1.0, 0.0]))
        helper = torch.where(axis[..., 1:2].abs() < 0.9, axis.new_tensor([0.0, 1, 0]), axis.new_tensor([1.0, 0, 0]))
        side = torch.linalg.cross(axis, helper)
        side = side / side.norm(dim=-1, keepdim=True).clamp_min(1e-9)
        other = torch.linalg.cross(axis, side)
        frame = torch.stack([side, other, axis], dim=-2)  # T N 3 3, rows
        local = torch.cat([self._out, self._along[:, None]], dim=-1)  # P 3: in radii
        spread = torch.einsum("pk,tnkd->tnpd", local, frame) * radius[:, None]
        points = start[:, :, None] + self._share[:, None] * (end - start)[:, :, None] + spread
        return _folded(points).flatten(1, 2)


def _folded(points: Float[Tensor, "T N P 3"]) -> Tensor:
    """Bones with nan shrink to a point of the figure, which nobody sees."""
    good = points.isfinite()
    if bool(good.all()):
        return points
    held = points.nan_to_num(nan=0.0).sum((1, 2), keepdim=True) / good.sum((1, 2), keepdim=True).clamp_min(1)
    return torch.where(good.all(-1, keepdim=True), points, held)


@lru_cache(maxsize=1)
def _capsule() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Share along the bone (P,), offset across (P, 2) and along (P,) in radii, faces: rings from tip to tip."""
    quarter = torch.linspace(-torch.pi / 2, 0, _RINGS + 1)[1:]
    tilt = torch.cat([quarter, -quarter.flip(0)])  # latitude of each ring
    share_of = torch.cat([torch.zeros(_RINGS), torch.ones(_RINGS)])
    turn = torch.arange(_ROUND) * (2 * torch.pi / _ROUND)
    ring = torch.stack([turn.cos(), turn.sin()], dim=-1)
    out = torch.cat([torch.zeros(1, 2), (tilt.cos()[:, None, None] * ring).flatten(0, 1), torch.zeros(1, 2)])
    along = torch.cat([-torch.ones(1), tilt.sin().repeat_interleave(_ROUND), torch.ones(1)])
    share = torch.cat([torch.zeros(1), share_of.repeat_interleave(_ROUND), torch.ones(1)])
    here = torch.arange(_ROUND)
    there = here.roll(-1)
    last = len(share) - 1
    faces = [torch.stack([0 * here, 1 + there, 1 + here], -1)]
    for row in range(2 * _RINGS - 1):
        a, b = 1 + row * _ROUND, 1 + (row + 1) * _ROUND
        faces += [torch.stack([a + here, a + there, b + here], -1), torch.stack([a + there, b + there, b + here], -1)]
    top = 1 + (2 * _RINGS - 1) * _ROUND
    faces.append(torch.stack([top + here, top + there, last + 0 * here], -1))
    return share, out, along, torch.cat(faces)
