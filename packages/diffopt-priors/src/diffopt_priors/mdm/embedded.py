"""The network of the embedded prior: a small motion transformer, conditioned by scale and shift.

Differences from the official network (:mod:`diffopt_priors.mdm.network`):

- Pre-norm blocks whose scale, shift and gate come from the noise levels (adaptive norm, Peebles and Xie 2023), with
  one shared map and a learned offset a layer (Chen et al. 2023): every layer knows the level, and the parameters go
  into the blocks.
- Rotary positions: attention depends on the distance between frames, for windows of any length.
- A depthwise convolution over time inside the feed-forward: neighbours at 30 fps are nearly equal, which attention
  alone learns slowly.
- A playback condition: log2 of the playback rate, and whether it runs backwards. The prior of real motion is the
  condition (0, 0); the others allow testing whether a motion is more likely slowed down, sped up or reversed
  (:mod:`diffopt_priors.mdm.rank`).
"""

from __future__ import annotations

import math

import torch
from diffopt_core.data.invariant import by_rows
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

_LEVEL_WAVES = 32
_KERNEL = 5


def _rotary(frames: int, dim: int, device: torch.device) -> tuple[Tensor, Tensor]:
    rate = torch.exp(torch.arange(0, dim, 2, device=device) * (-math.log(1000.0) / dim))
    angle = torch.arange(frames, device=device)[:, None] * rate
    return angle.cos(), angle.sin()


def _rotate(x: Float[Tensor, "B H T d"], cosine: Tensor, sine: Tensor) -> Tensor:
    even, odd = x.chunk(2, dim=-1)
    return torch.cat([even * cosine - odd * sine, even * sine + odd * cosine], dim=-1)


def _modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return torch.addcmul(shift, x, 1 + scale)


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, feedforward: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, feedforward)
        self.time = nn.Conv1d(feedforward, feedforward, _KERNEL, padding=_KERNEL // 2, groups=feedforward)
        self.down = nn.Linear(feedforward, width)
        self.offset = nn.Parameter(torch.zeros(6, width))

    def forward(self, x: Float[Tensor, "B T W"], modulation: Float[Tensor, "B 6 W"], positions: tuple) -> Tensor:
        shift1, scale1, gate1, shift2, scale2, gate2 = (modulation + self.offset).unsqueeze(2).unbind(1)
        batch, frames, width = x.shape
        qkv = self.qkv(_modulate(self.norm1(x), shift1, scale1))
        q, k, v = qkv.view(batch, frames, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(_rotate(q, *positions), _rotate(k, *positions), v)
        x = x + gate1 * self.out(seen.transpose(1, 2).reshape(batch, frames, width))
        hidden = self.up(_modulate(self.norm2(x), shift2, scale2))
        hidden = hidden + self.time(hidden.transpose(1, 2)).transpose(1, 2)
        return x + gate2 * self.down(functional.gelu(hidden))


class MotionTransformer(nn.Module):
    """``inputs, t, root_t, playback -> F``: the residual of the linear estimate, unit variance per component."""

    def __init__(
        self,
        *,
        channels: int = 263,
        width: int = 192,
        layers: int = 6,
        heads: int = 4,
        feedforward: int = 384,
        levels: int = 1000,
    ) -> None:
        super().__init__()
        self.levels = levels
        self.head = width // heads
        self.inputs = nn.Linear(2 * channels, width)
        self.condition = nn.Sequential(nn.Linear(4 * _LEVEL_WAVES + 2, width), nn.SiLU(), nn.Linear(width, width))
        self.modulation = nn.Linear(width, 6 * width)
        self.blocks = nn.ModuleList(_Block(width, heads, feedforward) for _ in range(layers))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.last = nn.Linear(width, 2 * width)
        self.outputs = nn.Linear(width, channels)
        # Every block starts as the identity and the output at zero, so training starts from the linear estimate.
        for layer in (self.modulation, self.last, self.outputs):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.register_buffer("waves", 2.0 ** torch.linspace(0, 8, _LEVEL_WAVES), persistent=False)
        self.waves: Tensor

    def _embed(self, t: Int[Tensor, "B"]) -> Float[Tensor, "B {2*len(self.waves)}"]:
        angle = (t.float() / self.levels).unsqueeze(1) * self.waves
        return torch.cat([angle.cos(), angle.sin()], dim=1)

    def _conditions(self, levels: Float[Tensor, "B L"]) -> Float[Tensor, "B M"]:
        """Modulation of the blocks, and of the output."""
        condition = functional.silu(self.condition(levels))
        return torch.cat([self.modulation(condition), self.last(condition)], dim=1)

    def forward(
        self,
        x: Float[Tensor, "B T {self.inputs.in_features}"],
        t: Int[Tensor, "B"],
        *,
        root_t: Int[Tensor, "B"],
        playback: Float[Tensor, "B 2"] | None = None,
    ) -> Float[Tensor, "B T {self.outputs.out_features}"]:
        """``playback``: log2 of the rate, and 1 if reversed; None for unchanged motion."""
        played = x.new_zeros(len(x), 2) if playback is None else playback
        levels = torch.cat([self._embed(t), self._embed(root_t), played], dim=1)
        modulation, last = by_rows(self._conditions, levels).split(
            [self.modulation.out_features, self.last.out_features], 1
        )
        modulation = modulation.unflatten(1, (6, -1))
        positions = _rotary(x.shape[1], self.head, x.device)
        hidden = self.inputs(x)
        for block in self.blocks:
            hidden = block(hidden, modulation, positions)
        shift, scale = last.unsqueeze(1).chunk(2, dim=2)
        return self.outputs(_modulate(self.norm(hidden), shift, scale))
