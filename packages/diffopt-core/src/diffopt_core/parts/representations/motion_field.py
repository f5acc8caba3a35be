"""Representations: the neural motion field (sec. 3.1), in overlapping parts for long clips; free tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.chain import as_matrices, gram_schmidt
from ...data.rotation import interleaved_to_matrix, matrix_to_interleaved
from ...interfaces import ProblemContext
from ...types import HumanMotion
from .configs import NemoConfig, RawConfig
from .mlp import BatchedMLP, fourier, initial_mlp, mean_rotation, mean_translation, phase, radial, warp


class Parts:
    """``frames`` divided into ``count`` parts of ``length`` each; neighbours share at least ``overlap`` frames.

    Values of the parts are averaged in the overlaps, with weights that sum to 1 and fade towards the ends of a part, so
    the clip has one continuous motion. A clip of at most ``longest`` frames is one part, and splitting and joining do
    nothing.
    """

    def __init__(self, frames: int, longest: int | None, overlap: int, like: Tensor) -> None:
        self.frames = frames
        longest = longest or frames
        overlap = min(overlap, longest - 1)
        self.count = 1 if frames <= longest else math.ceil((frames - overlap) / (longest - overlap))
        self.length = math.ceil((frames + (self.count - 1) * overlap) / self.count)
        spread = (frames - self.length) / max(1, self.count - 1)
        starts = torch.tensor([round(i * spread) for i in range(self.count)], device=like.device)
        self.index = starts.unsqueeze(1) + torch.arange(self.length, device=like.device)
        self._weight = self._fade(starts.tolist(), like)

    def _fade(self, starts: list[int], like: Tensor) -> Float[Tensor, "K L 1"]:
        """Blending weights: half a cosine over each overlap, normalised to sum to 1 per frame."""
        weight = like.new_ones(self.count, self.length)
        for k in range(1, self.count):
            shared = starts[k - 1] + self.length - starts[k]
            rise = 0.5 - 0.5 * torch.cos(torch.pi * (torch.arange(shared).to(like) + 0.5) / shared)
            weight[k, :shared] *= rise
            weight[k - 1, self.length - shared :] *= rise.flip(0)
        total = like.new_zeros(self.frames).index_add_(0, self.index.flatten(), weight.flatten())
        return (weight / total[self.index]).unsqueeze(-1)

    def split(self, x: Tensor) -> Tensor:
        """``B T ...`` to ``(B K) L ...``, with the parts of a clip adjacent."""
        return x if self.count == 1 else x[:, self.index].flatten(0, 1)

    def own(self, leaf: Tensor) -> Tensor:
        """View of a leaf with leading ``(B K)`` as a variable with leading ``B``."""
        return leaf if self.count == 1 else leaf.unflatten(0, (-1, self.count))

    def join(self, x: Float[Tensor, "BK L D"]) -> Float[Tensor, "B T D"]:
        """The weighted mean of the parts in each frame."""
        if self.count == 1:
            return x
        weighted = (x.unflatten(0, (-1, self.count)) * self._weight).flatten(1, 2)
        out = weighted.new_zeros(len(weighted), self.frames, weighted.shape[-1])
        return out.index_add(1, self.index.flatten(), weighted)


#: Number of octaves of the sine and cosine encoding.
_FREQUENCIES = 5
_IDENTITY = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


class MotionField:
    """``theta = f_theta(tau)``, ``phi = f_phi(tau)``, ``x = f_x(tau)`` (sec. 3.1), with separate weights for every
    clip, and for every part of a long one (:class:`Parts`). The networks output rotations as interleaved 6D. In a batch
    of clips of different lengths each has its own phase; where the longest has several parts, all are divided as it is.

    ``variables()``: ``pose``, ``orient``, ``trans``; also ``phase`` (warp) and ``encoding`` (RBF widths) if they are
    learned.
    """

    def __init__(self, config: NemoConfig, ctx: ProblemContext):
        self.config = config
        initial, like = ctx.initial, ctx.initial.trans
        self.betas, self.betas_of = initial.betas, initial.betas_of
        clips, frames = like.shape[:2]
        self.parts = Parts(frames, config.window, config.overlap, like)
        fields = clips * self.parts.count
        self.tau = phase(self.parts.length, like, ctx.lengths if self.parts.count == 1 else None)
        self._learn_input(fields, like)
        self.fixed = None if self.warp or self.widths else self._encode(self.tau).mT.contiguous().expand(fields, -1, -1)
        inputs = {"none": 1, "fourier": 1 + 2 * _FREQUENCIES, "rbf": config.centres}[config.encoding]
        sizes = [inputs, *[config.hidden] * config.layers]
        joints = initial.pose.shape[2] - 1
        self.pose = self._rotation_net(sizes, joints, fields, ctx.seed, 0)
        self.orient = self._rotation_net(sizes, 1, fields, ctx.seed, 1)
        through = [inputs, *[config.hidden] * (config.trans_layers or config.layers), 3]
        self.trans = initial_mlp(through, fields, _generator(ctx.seed, 2), config.activation)
        for net in (self.pose, self.orient, self.trans):
            # Drawn on the CPU in float64, independent of the problem's device and dtype.
            net.weights = [self.parts.own(weight.to(like)) for weight in net.weights]
            net.biases = [self.parts.own(bias.to(like)) for bias in net.biases]
        valid, path = self.parts.split(ctx.observations.valid), self.parts.split(like)
        if config.offset == "mean":
            mean = matrix_to_interleaved(mean_rotation(self.parts.split(initial.pose), valid))
            self.base = mean.flatten(1).unsqueeze(-1)
        else:
            self.base = like.new_zeros(fields, 6 * (joints + 1), 1)
        self.start = mean_translation(path, valid) if config.origin == "mean" else path[:, :1].clone()
        self.correction = torch.zeros_like(like)

    def _rotation_net(self, sizes: list[int], joints: int, clips: int, seed: int, stream: int) -> BatchedMLP:
        """A network that initially outputs about the identity: small weights, bias at the identity or at zero
        offset."""
        net = initial_mlp([*sizes, 6 * joints], clips, _generator(seed, stream), self.config.activation)
        net.weights[-1] *= self.config.head_gain
        bias = net.biases[-1].unflatten(-1, (joints, 6))
        bias.copy_(bias.new_tensor(_IDENTITY if self.config.offset == "none" else (0.0,) * 6).expand_as(bias))
        return net

    def _learn_input(self, fields: int, like: Tensor) -> None:
        """Create the learned tensors of warp and radial basis functions; empty lists if not used."""
        config = self.config
        self.warp: list[Tensor] = []
        self.widths: list[Tensor] = []
        if config.warp:
            nodes = torch.linspace(0.0, 1.0, config.warp_nodes, dtype=like.dtype, device=like.device)
            start = (nodes, torch.full_like(nodes, 15.0))
            self.warp = [self.parts.own(each.expand(fields, -1).clone()) for each in start]
        if config.encoding == "rbf":
            self.centres = torch.linspace(0.0, 1.0, config.centres, dtype=like.dtype, device=like.device)[None, None]
            self.widths = [self.parts.own(like.new_zeros(fields, 1, config.centres))]

    def _encode(self, tau: Tensor) -> Float[Tensor, "B T F"]:
        """Input of the networks; constant unless part of it is learned."""
        if self.warp:
            tau = warp(tau, *(each.flatten(0, -2) for each in self.warp))
        if self.config.encoding == "fourier":
            tau = fourier(tau, _FREQUENCIES)
        elif self.config.encoding == "rbf":
            tau = radial(tau, self.centres, self.widths[0].flatten(0, -3), self.config.kernel)
        return tau

    def motion(self) -> HumanMotion:
        x = self._encode(self.tau).mT if self.fixed is None else self.fixed
        six = self.base + torch.cat([self.orient(x), self.pose(x)], dim=1)
        moved = self.trans(x).mT
        if self.config.origin == "first":
            moved = moved - moved[:, :1]
        columns = self.parts.join(six.mT).mT.unflatten(1, (-1, 3, 2)).permute(3, 2, 0, 1, 4)
        trans = self.parts.join(self.start + self.config.metres * moved) + self.correction
        pose = as_matrices(gram_schmidt(columns).movedim(2, 0))
        return HumanMotion(pose, trans, self.betas, self.betas_of)

    def variables(self) -> Mapping[str, list[Tensor]]:
        named = {"pose": self.pose.leaves(), "orient": self.orient.leaves(), "trans": self.trans.leaves()}
        if self.warp:
            named["phase"] = self.warp
        if self.widths:
            named["encoding"] = self.widths
        return named

    @torch.no_grad()
    def shift(self, delta: Float[Tensor, "B T 3"]) -> None:
        self.correction.add_(delta)


def _generator(seed: int, stream: int) -> torch.Generator:
    """A random stream per network, so that the size of one does not change the initial weights of another."""
    return torch.Generator().manual_seed(seed * 1_000_003 + stream)


class FreeTensors:
    """``variables()``: ``pose`` ``B T 23 6``, ``orient`` ``B T 1 6`` (interleaved 6D), ``trans``: positions
    ``B T 3`` (m), or the first position ``B 1 3`` and the steps ``B T-1 3`` (m per frame)."""

    def __init__(self, config: RawConfig, ctx: ProblemContext):
        initial = ctx.initial
        self.config = config
        self.betas, self.betas_of = initial.betas, initial.betas_of
        six = matrix_to_interleaved(initial.pose)
        self.orient, self.pose = six[:, :, :1].clone(), six[:, :, 1:].clone()
        if config.trans == "position":
            self.trans = [initial.trans.clone()]
        else:
            self.trans = [initial.trans[:, :1].clone(), initial.trans.diff(dim=1)]
        self.correction = torch.zeros_like(initial.trans)

    def motion(self) -> HumanMotion:
        pose = interleaved_to_matrix(torch.cat([self.orient, self.pose], dim=2))
        trans = self.trans[0] if self.config.trans == "position" else torch.cat(self.trans, dim=1).cumsum(1)
        return HumanMotion(pose, trans + self.correction, self.betas, self.betas_of)

    def variables(self) -> Mapping[str, list[Tensor]]:
        return {"pose": [self.pose], "orient": [self.orient], "trans": self.trans}

    @torch.no_grad()
    def shift(self, delta: Float[Tensor, "B T 3"]) -> None:
        self.correction.add_(delta)
