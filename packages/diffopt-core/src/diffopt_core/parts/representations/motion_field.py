"""The neural motion field: pose, orientation and translation as networks of the phase."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.rotation import interleaved_to_matrix, matrix_to_interleaved
from ...interfaces import ProblemContext
from ...types import HumanMotion
from .configs import NemoConfig
from .mlp import BatchedMLP, fourier, initial_mlp, mean_rotation, mean_translation, phase, radial, warp
from .parts import Parts

#: Octaves of sines and cosines of the phase.
_FREQUENCIES = 5
_IDENTITY = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


class MotionField:
    """``theta = f_theta(tau)``, ``phi = f_phi(tau)``, ``x = f_x(tau)`` (sec. 3.1), with weights of its own for
    every clip, and for every part of a long one (:mod:`.parts`). Rotations leave the networks as interleaved 6D.

    ``variables()``: ``pose``, ``orient``, ``trans``; also ``phase`` (warp) and ``encoding`` (RBF widths) where
    those are learned.
    """

    def __init__(self, config: NemoConfig, ctx: ProblemContext):
        self.config = config
        initial, like = ctx.initial, ctx.initial.trans
        self.betas, self.betas_of = initial.betas, initial.betas_of
        clips, frames = like.shape[:2]
        self.parts = Parts(frames, config.window, config.overlap, like)
        fields = clips * self.parts.count
        self.tau = phase(self.parts.length, like)
        self._learn_input(fields, like)
        self.fixed = None if self.warp or self.widths else self._encode(self.tau).expand(fields, -1, -1)
        inputs = {"none": 1, "fourier": 1 + 2 * _FREQUENCIES, "rbf": config.centres}[config.encoding]
        sizes = [inputs, *[config.hidden] * config.layers]
        joints = initial.pose.shape[2] - 1
        self.pose = self._rotation_net(sizes, joints, fields, ctx.seed, 0)
        self.orient = self._rotation_net(sizes, 1, fields, ctx.seed, 1)
        through = [inputs, *[config.hidden] * (config.trans_layers or config.layers), 3]
        self.trans = initial_mlp(through, fields, _generator(ctx.seed, 2), config.activation)
        for net in (self.pose, self.orient, self.trans):
            # They are drawn on the CPU, in float64, whatever the problem's device and type.
            net.weights = [self.parts.own(weight.to(like)) for weight in net.weights]
            net.biases = [self.parts.own(bias.to(like)) for bias in net.biases]
        valid, path = self.parts.split(ctx.observations.valid), self.parts.split(like)
        if config.offset == "mean":
            mean = matrix_to_interleaved(mean_rotation(self.parts.split(initial.pose), valid))
            self.base = mean.unsqueeze(1)
        else:
            self.base = like.new_zeros(fields, 1, joints + 1, 6)
        self.start = mean_translation(path, valid) if config.origin == "mean" else path[:, :1].clone()
        self.correction = torch.zeros_like(like)

    def _rotation_net(self, sizes: list[int], joints: int, clips: int, seed: int, stream: int) -> BatchedMLP:
        """A network whose head starts near the identity: small weights, bias at the identity or at no change."""
        net = initial_mlp([*sizes, 6 * joints], clips, _generator(seed, stream), self.config.activation)
        net.weights[-1] *= self.config.head_gain
        bias = net.biases[-1].unflatten(-1, (joints, 6))
        bias.copy_(bias.new_tensor(_IDENTITY if self.config.offset == "none" else (0.0,) * 6).expand_as(bias))
        return net

    def _learn_input(self, fields: int, like: Tensor) -> None:
        """The tensors behind warp and radial basis functions; empty lists where there are none."""
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
        """What the networks read; constant unless a part of it is learned."""
        if self.warp:
            tau = warp(tau, *(each.flatten(0, -2) for each in self.warp))
        if self.config.encoding == "fourier":
            tau = fourier(tau, _FREQUENCIES)
        elif self.config.encoding == "rbf":
            tau = radial(tau, self.centres, self.widths[0].flatten(0, -3), self.config.kernel)
        return tau

    def motion(self) -> HumanMotion:
        x = self._encode(self.tau) if self.fixed is None else self.fixed
        six = torch.cat([self.orient(x), self.pose(x)], dim=-1).unflatten(-1, (-1, 6))
        moved = self.trans(x)
        if self.config.origin == "first":
            moved = moved - moved[:, :1]
        six = self.parts.join((self.base + six).flatten(2)).unflatten(-1, (-1, 6))
        trans = self.parts.join(self.start + self.config.metres * moved) + self.correction
        return HumanMotion(interleaved_to_matrix(six), trans, self.betas, self.betas_of)

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
    """A stream for each network, so that the size of one does not change the start of another."""
    return torch.Generator().manual_seed(seed * 1_000_003 + stream)
