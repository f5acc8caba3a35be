"""A result prepared for drawing: a figure that can be posed, its camera, ground truth and keypoints."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, runtime_checkable

import torch
from diffopt_core.interfaces import Mesh
from diffopt_core.parts.bodies.linear import LinearBody
from diffopt_core.parts.bodies.stick import BONES
from diffopt_core.results.saved import figure_of, truth_beside
from diffopt_core.types import CameraTrajectory, HumanMotion, Result, Video
from jaxtyping import Float
from torch import Tensor


def stacked(meshes: tuple[Mesh, ...]) -> Mesh:
    """Join meshes into one, on the CPU, float32 and int32. At least one mesh is required."""
    counts = torch.tensor([0, *(len(mesh.vertices) for mesh in meshes[:-1])]).cumsum(0)
    return Mesh(
        torch.cat([mesh.vertices.detach().cpu().float() for mesh in meshes]),
        torch.cat([mesh.faces.cpu().int() + int(first) for mesh, first in zip(meshes, counts, strict=True)]),
        torch.cat([mesh.colours.detach().cpu().float() for mesh in meshes]),
    )


_ROUND, _RINGS = 14, 4  # corners per ring, rings per end
#: Joint at the end of a bone -> factor on the default radius of the limb.
_SLIM = 0.8


class Mannequin:
    """``joints`` (T, 24, 3), world, m; a bone with a nan end is omitted in that frame."""

    def __init__(self, joints: Float[Tensor, "T 24 3"]):
        self._joints = joints.float()
        share, out, along, faces = _capsule()
        self._share, self._out, self._along = share, out, along
        count = len(share)
        bones = len(BONES)
        self.faces = torch.cat([faces + bone * count for bone in range(bones)])

    def vertices(self, frames: Tensor) -> Float[Tensor, "T V 3"]:
        """The vertices of these frames."""
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
    """Collapse bones with nan to a point inside the figure, which is invisible."""
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


log = logging.getLogger(__name__)
#: Frames posed at a time, to bound memory.
AT_ONCE = 32


@runtime_checkable
class Posable(Protocol):
    """A surface with a pose for every frame."""

    faces: Tensor

    def vertices(self, frames: Tensor) -> Float[Tensor, "T V 3"]: ...


class SkinnedFigure:
    """The mesh of a body model, skinned by the model."""

    def __init__(self, body: LinearBody, motion: HumanMotion, betas: Tensor):
        self._body, self._motion, self._betas = body, motion, betas
        self.faces = body.faces

    def vertices(self, frames: Tensor) -> Float[Tensor, "T V 3"]:
        """The vertices of these frames, world, m."""
        pose, trans = self._motion.pose[frames].float(), self._motion.trans[frames].float()
        some = HumanMotion(pose[None], trans[None], self._betas[None].float(), self._body.name)
        return self._body.vertices(some)[0]


@dataclass(frozen=True)
class Take:
    """``camera`` is None for a motion without images; ``size``: of its images, px. ``truth``: ground-truth joints (T,
    24, 3) aligned to the result by one rotation and translation, nan if missing. ``keypoints``: (T, J, 3) px and
    confidence."""

    name: str
    fps: float
    joints: Tensor
    body: Posable
    camera: CameraTrajectory | None
    size: tuple[int, int]
    video: Video | None
    keypoints: Tensor | None
    truth: Tensor | None

    @property
    def num_frames(self) -> int:
        return len(self.joints)


def take_of(result: Result, truth: bool = True) -> Take:
    """Prepare a result. Raises BadInput if it is not finite or has no frames."""
    clip, motion = result.clip, result.motion
    figure = figure_of(result)
    if figure.missing is not None:
        log.warning("%s: drawn as a figure of capsules: %s", clip.name, figure.missing)
    joints = result.joints.detach().cpu().float()
    beside = truth_beside(clip.truth, joints) if truth and clip.truth is not None else None
    seen = clip.observations.keypoints.cpu() if clip.observations is not None else None
    return Take(
        name=clip.name,
        fps=float(clip.fps),
        joints=joints,
        body=SkinnedFigure(figure.mesh, motion, figure.betas) if figure.mesh is not None else Mannequin(joints),
        camera=result.camera if min(clip.size) > 0 else None,
        size=clip.size,
        video=clip.video,
        keypoints=seen if seen is not None and len(seen) == len(joints) else None,
        truth=beside.joints.float() if beside is not None else None,
    )


def chunks(frames: Sequence[int]) -> Iterator[Tensor]:
    """The frames in chunks."""
    every = torch.as_tensor(list(frames), dtype=torch.long)
    yield from every.split(AT_ONCE)
