"""The translation at which a body covers the keypoints, and smoothing over time."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from ..data.geometry import project
from ..data.ragged import faint
from ..data.window import Batch
from ..interfaces import Body
from ..types import HumanMotion

#: Longer clips are smoothed by convolution, because a frames x frames matrix would need too much memory.
_DENSE = 2048


def fit_translation(
    motion: HumanMotion, batch: Batch, body: Body, smooth: float, rounds: int = 8
) -> Float[Tensor, "B T 3"]:
    """Pelvis positions (camera frame, m) at which the body covers the keypoints best.

    Linear least squares on ``f (X + x) = (u - c)(Z + z)``, reweighted by Geman-McClure of the pixel error. Depth is
    smoothed along the viewing ray (``smooth``, s), because the body's size is constant. Frames with fewer than four
    confident keypoints get the smoothed depth of their neighbours.
    """
    origin = replace(motion, trans=torch.zeros_like(motion.trans))
    points = body.keypoints(origin, batch.observations.layout)
    seen, confidence = batch.observations.keypoints[..., :2], batch.observations.keypoints[..., 2]
    focal, centre = batch.camera.focal, batch.camera.centre
    ray = (seen - centre.unsqueeze(-2)) / focal.unsqueeze(-2)
    extent = _extent(seen, confidence)
    weight = confidence
    for _ in range(rounds):
        trans = _solve_translation(points, ray, weight, motion.trans)
        error = project(points + trans.unsqueeze(-2), focal, centre) - seen
        sigma = 0.03 * extent
        depth = (points[..., 2] + trans[..., 2:]).clamp_min(0.3)
        robust = (sigma**2 / (sigma**2 + error.square().sum(-1))) ** 2
        weight = confidence * robust * (trans[..., 2:] / depth)
    trust = weight.sum(-1)
    return _smooth_along_ray(trans, torch.where(trust > 1.0, trust, faint(batch.own)), smooth * batch.fps)


def _extent(seen: Tensor, confidence: Tensor) -> Tensor:
    """Longer side of the bounding box of the detected keypoints, px, ``B T 1``."""
    absent = (confidence <= 0).unsqueeze(-1)
    box = seen.masked_fill(absent, -torch.inf).amax(-2) - seen.masked_fill(absent, torch.inf).amin(-2)
    return box.amax(-1, keepdim=True).clamp_min(1.0)


def _solve_translation(points: Tensor, ray: Tensor, weight: Tensor, guess: Tensor) -> Tensor:
    """Weighted normal equations, 3 x 3 per frame; a weak regulariser towards ``guess`` keeps frames without keypoints
    solvable."""
    ones, zeros = torch.ones_like(ray[..., 0]), torch.zeros_like(ray[..., 0])
    rows = torch.stack([torch.stack([ones, zeros, -ray[..., 0]], -1), torch.stack([zeros, ones, -ray[..., 1]], -1)], -2)
    right = ray * points[..., 2:] - points[..., :2]
    squared = weight.square()[..., None, None]
    normal = (rows.mT @ (rows * squared)).sum(-3)
    moment = (rows.mT @ (right.unsqueeze(-1) * squared)).sum(-3).squeeze(-1)
    pull = 1e-4
    return torch.linalg.solve(normal + pull * torch.eye(3).to(normal), moment + pull * guess)


def _smooth_along_ray(trans: Tensor, trust: Tensor, sigma: float) -> Tensor:
    """Smooth the log depth over time, weighted by ``trust``; x and y follow along the viewing ray."""
    log_depth = trans[..., 2:].clamp_min(0.3).log()
    return trans * (local_line(log_depth, trust, sigma) - log_depth).exp()


def local_line(values: Float[Tensor, "B T D"], trust: Float[Tensor, "B T"], sigma: float) -> Float[Tensor, "B T D"]:
    """Value at each frame of the line that fits its neighbours best (Gaussian of ``sigma`` frames, times trust).

    A line, not a mean: a mean would pull back a person who walks away at the ends of the clip.
    """
    if sigma <= 0:
        return values
    if values.shape[1] > _DENSE:
        s0, s1, s2, b0, b1 = _moments(values, trust, sigma)
        return _line(s0, s1, s2, b0, b1, sigma)
    frames = torch.arange(values.shape[1], device=values.device, dtype=values.dtype)
    offset = frames[None] - frames[:, None]
    weight = torch.exp(-0.5 * (offset / sigma).square()) * trust.unsqueeze(1)
    s0, s1, s2 = weight.sum(-1), (weight * offset).sum(-1), (weight * offset.square()).sum(-1)
    b0, b1 = _along(weight, values), _along(weight * offset, values)
    return _line(s0, s1, s2, b0, b1, sigma)


def _along(weight: Float[Tensor, "B T T"], values: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
    """``weight @ values`` as sums: a product with so few columns depends on the size of the batch."""
    return torch.stack([(weight * column.unsqueeze(1)).sum(-1) for column in values.unbind(-1)], -1)


def _line(s0: Tensor, s1: Tensor, s2: Tensor, b0: Tensor, b1: Tensor, sigma: float) -> Float[Tensor, "B T D"]:
    s2 = s2 + 1e-3 * s0 * sigma**2
    return (s2.unsqueeze(-1) * b0 - s1.unsqueeze(-1) * b1) / (s0 * s2 - s1.square()).unsqueeze(-1)


def _moments(values: Float[Tensor, "B T D"], trust: Float[Tensor, "B T"], sigma: float) -> tuple[Tensor, ...]:
    """The sums of :func:`local_line` by convolution with a window of five sigmas: memory linear in ``T``."""
    reach = min(int(5 * sigma) + 1, values.shape[1] - 1)
    offset = torch.arange(-reach, reach + 1, device=values.device, dtype=values.dtype)
    bell = torch.exp(-0.5 * (offset / sigma).square())
    kernels = torch.stack([bell, bell * offset, bell * offset.square()]).unsqueeze(1)

    def sums(rows: Float[Tensor, "B T"]) -> Float[Tensor, "B 3 T"]:
        return torch.nn.functional.conv1d(rows.unsqueeze(1), kernels, padding=reach)

    s = sums(trust)
    each = torch.stack([sums(trust * column) for column in values.unbind(-1)], -1)
    return s[:, 0], s[:, 1], s[:, 2], each[:, 0], each[:, 1]
