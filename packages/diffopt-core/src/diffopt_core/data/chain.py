"""Rotations and kinematics by component: the nine numbers of a rotation are nine planes of joints and frames.

The solve's steps consist of small operations. With the frames last every one runs over contiguous memory, a level of
the tree takes four of them, and gradients are written out: two functions of autograd instead of some hundred.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

#: As in torch.nn.functional.normalize: a shorter vector is divided by this.
_SHORTEST = 1e-12


def by_component(matrix: Float[Tensor, "*b J N M"]) -> Float[Tensor, "B N M J T"]:
    """The planes of matrices: the last of ``*b`` becomes T, the others B. A view if they came from planes."""
    *more, frames = (1, *matrix.shape[:-3])
    flat = matrix.reshape(prod(more), frames, *matrix.shape[-3:])
    planes = flat.permute(0, 3, 4, 2, 1)
    return planes if planes.stride(-1) == 1 else planes.contiguous()


def as_matrices(planes: Float[Tensor, "B N M J T"]) -> Float[Tensor, "B T J N M"]:
    """The matrices of planes: a view."""
    return planes.permute(0, 4, 3, 1, 2)


def kinematics(
    pose: Float[Tensor, "*b J 3 3"], offsets: Float[Tensor, "*#b J 3"], parents: tuple[int, ...]
) -> Float[Tensor, "B 3 4 J T"]:
    """:func:`chain` of matrices; B and T as in :func:`by_component`. ``offsets``: of :func:`bones`."""
    batch = pose.shape[:-3]
    offsets = offsets.reshape(*[1] * (len(batch) + 2 - offsets.dim()), *offsets.shape)
    if len(batch) > 2:
        offsets = offsets.expand(*batch[:-1], *offsets.shape[-3:])
    return chain(by_component(pose), by_component(offsets.unsqueeze(-1)).squeeze(2), parents)


def bones(rest: Float[Tensor, "*b J 3"], parents: tuple[int, ...]) -> Float[Tensor, "*b J 3"]:
    """Joint minus parent in the rest pose; zero for joint 0."""
    return rest - rest.index_select(-2, _ancestors(parents, rest.device, rest.dtype)[1])


def gram_schmidt(columns: Float[Tensor, "2 3 *n"]) -> Float[Tensor, "3 3 *n"]:
    """Rotations (row, column) whose first two columns span the given ones (Zhou et al. 2019, sec. B)."""
    return _GramSchmidt.apply(columns)


def chain(
    rotations: Float[Tensor, "B 3 3 J T"], offsets: Float[Tensor, "#B 3 J #T"], parents: tuple[int, ...]
) -> Float[Tensor, "B 3 4 J T"]:
    """Global rotation and, in the fourth column, position relative to joint 0: ``G_j = G_p R_j``, ``p_j = p_p + G_p
    offset_j``. ``parents[0]`` is -1 and joints are numbered by depth, as SMPL's are. Gradients are those of rotations,
    not of any matrices."""
    return _Chain.apply(rotations, offsets, parents)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    (a0, a1, a2), (b0, b1, b2) = a.unbind(0), b.unbind(0)
    return (a0 * b0).addcmul_(a1, b1).addcmul_(a2, b2)


def _cross(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    (a0, a1, a2), (b0, b1, b2) = a.unbind(0), b.unbind(0)
    return (
        (a1 * b2).addcmul_(a2, b1, value=-1),
        (a2 * b0).addcmul_(a0, b2, value=-1),
        (a0 * b1).addcmul_(a1, b0, value=-1),
    )


class _GramSchmidt(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, columns: Tensor) -> Tensor:
        first, second = columns.unbind(0)
        length = _dot(first, first).sqrt_().clamp_min_(_SHORTEST)
        x = first / length
        along = _dot(x, second)
        y = torch.addcmul(second, along, x, value=-1)
        across = _dot(y, y).sqrt_().clamp_min_(_SHORTEST)
        y /= across
        ctx.save_for_backward(columns, x, y, length, along, across)
        rows = zip(x.unbind(0), y.unbind(0), _cross(x, y), strict=True)
        return torch.stack([element for row in rows for element in row]).unflatten(0, (3, 3))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        columns, x, y, length, along, across = ctx.saved_tensors
        from_x, from_y, from_z = grad.unbind(1)
        # z = x times y gives its gradient to both; y is a direction, so only what is across it counts
        to_y = torch.stack(_cross(from_z, x)).add_(from_y)
        second = to_y.addcmul_(_dot(y, to_y), y, value=-1).div_(across)
        shared = _dot(x, second)
        # y is the second column less its part along x, and that part changes no direction of x
        to_x = torch.stack(_cross(y, from_z)).add_(from_x)
        to_x.addcmul_(along, second, value=-1).addcmul_(shared * across, y, value=-1)
        out = torch.empty_like(columns)
        out[0] = to_x.addcmul_(_dot(x, to_x), x, value=-1).div_(length)
        out[1] = second.addcmul_(shared, x, value=-1)
        return out


@lru_cache
def _runs(parents: tuple[int, ...]) -> tuple[tuple[int, int, int, int], ...]:
    """Runs of joints of one depth whose parents follow each other, or are one: first joint, number of joints, first
    parent, number of parents."""
    runs: list[tuple[int, int, int, int]] = []
    depth = [0] * len(parents)
    for joint, parent in enumerate(parents[1:], start=1):
        depth[joint] = depth[parent] + 1
        if depth[joint] < depth[joint - 1] or not 0 <= parent < joint:
            raise ValueError("joints must be numbered by their depth in the tree")
        if runs and depth[joint] == depth[joint - 1]:
            first, count, of, many = runs[-1]
            if many == count and parent == of + many:
                runs[-1] = (first, count + 1, of, many + 1)
                continue
            if many == 1 and parent == of:
                runs[-1] = (first, count + 1, of, 1)
                continue
        runs.append((joint, 1, parent, 1))
    return tuple(runs)


@lru_cache
def _ancestors(parents: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """1 where a joint (row) is below another or is that (column), ``J J``; and the parent of each, 0 of the root."""
    above, parent_of = torch.eye(len(parents), dtype=dtype), torch.zeros(len(parents), dtype=torch.long)
    for joint, parent in enumerate(parents[1:], start=1):
        above[joint] += above[parent]
        parent_of[joint] = parent
    return above.to(device), parent_of.to(device)


class _Chain(torch.autograd.Function):
    """Only the rotations go level by level. A position is the sum of the turned bones above it, and a joint's gradient
    the sum of those below it, taken in the world: products with a constant matrix."""

    @staticmethod
    def forward(ctx: Any, rotations: Tensor, offsets: Tensor, parents: tuple[int, ...]) -> Tensor:
        clips, _, _, joints, frames = rotations.shape
        above, parent_of = _ancestors(parents, rotations.device, rotations.dtype)
        out = rotations.new_zeros(clips, 3, 4, joints, frames)
        turns = out[:, :, :3]
        turns[:, :, :, 0] = rotations[:, :, :, 0]
        rows = [rotations[:, k : k + 1] for k in range(3)]
        columns = [out[:, :, k : k + 1] for k in range(3)]
        for first, count, of, many in _runs(parents):
            (a, x), (b, y), (c, z) = (
                (up.narrow(3, of, many), down.narrow(3, first, count)) for up, down in zip(columns, rows, strict=True)
            )
            turns.narrow(3, first, count).addcmul_(a, x).addcmul_(b, y).addcmul_(c, z)
        parent, along = turns.index_select(3, parent_of), offsets.unsqueeze(1)
        turned = (parent[:, :, 0] * along[:, :, 0]).addcmul_(parent[:, :, 1], along[:, :, 1])
        turned.addcmul_(parent[:, :, 2], along[:, :, 2])[:, :, 0].zero_()
        out[:, :, 3] = above @ turned
        ctx.save_for_backward(out, parent)
        ctx.parents, ctx.shape = parents, offsets.shape
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None]:
        out, parent = ctx.saved_tensors
        above, _ = _ancestors(ctx.parents, out.device, out.dtype)
        across = out.transpose(1, 2)  # columns first
        moment = grad[:, :, :1] * across[:, :1]  # of each joint about the origin; the gradient of a place is a force
        for k in range(1, 4):
            moment.addcmul_(grad[:, :, k : k + 1], across[:, k : k + 1])
        force = above.T @ torch.cat([moment, grad[:, :, 3:]], dim=2)
        moment = force[:, :, :3].addcmul_(force[:, :, 3:], across[:, 3:], value=-1)
        turned = moment[:, :, :1] * out[:, :1, :3]
        for k in (1, 2):
            turned.addcmul_(moment[:, :, k : k + 1], out[:, k : k + 1, :3])
        found = _turned_back(parent, turned)
        found[:, :, :, 0] = turned[:, :, :, 0]
        offsets = None
        if ctx.needs_input_grad[1]:
            offsets = _turned_back(parent, force[:, :, 3:]).squeeze(2)
            offsets[:, :, 0].zero_()
            offsets = offsets.sum_to_size(ctx.shape)
        return found, offsets, None


def _turned_back(turns: Tensor, x: Tensor) -> Tensor:
    """``turns^T x`` of planes ``B 3 3 J T`` and ``B 3 N J T``."""
    turns = turns.unsqueeze(3)
    out = turns[:, 0] * x[:, :1]
    return out.addcmul_(turns[:, 1], x[:, 1:2]).addcmul_(turns[:, 2], x[:, 2:])
