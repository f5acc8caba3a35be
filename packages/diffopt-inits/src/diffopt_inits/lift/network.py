"""The lifting network and its weight files: a transformer over the frames of a window, with positions in seconds.

Pre-norm blocks of attention with rotary positions, a depth-wise convolution and a feed-forward layer. The output
weights start at zero, so outputs start at the mean (a person upright in front of the camera).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .config import LIFT
from .inputs import CHANNELS
from .outputs import START, WIDTH

#: Rotary positions per second.
_TICKS = 30.0


def rotary(time: Float[Tensor, "B T"], dim: int) -> tuple[Float[Tensor, "B 1 T d"], Float[Tensor, "B 1 T d"]]:
    """Cosine and sine of the positions' angles (Su et al. 2021); the slowest wave has a period of about 1000
    positions."""
    rate = 1000.0 ** (-torch.arange(0, dim, 2, device=time.device) / dim)
    angle = (time * _TICKS).unsqueeze(1).unsqueeze(-1) * rate
    return angle.cos(), angle.sin()


def _turn(x: Float[Tensor, "B H T D"], wave: tuple[Tensor, Tensor]) -> Float[Tensor, "B H T D"]:
    a, b = x.chunk(2, -1)
    cos, sin = (part.to(x.dtype) for part in wave)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


class Block(nn.Module):
    """Attention, convolution over time, feed-forward, each with a residual connection."""

    def __init__(self, width: int, heads: int, feedforward: int, kernel: int) -> None:
        super().__init__()
        self.heads, self.scale = heads, (width // heads) ** -0.5
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.qkv = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.conv = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.up = nn.Linear(width, feedforward)
        self.down = nn.Linear(feedforward, width)

    def forward(self, x: Float[Tensor, "B T D"], wave: tuple[Tensor, Tensor]) -> Float[Tensor, "B T D"]:
        q, k, v = self.qkv(self.norms[0](x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        # Written out, because for windows of 64 frames on a CPU the fused kernel is a third slower.
        near = _turn(q * self.scale, wave) @ _turn(k, wave).mT
        x = x + self.mix((near.softmax(-1).to(v.dtype) @ v).transpose(1, 2).flatten(2))
        x = x + self.conv(self.norms[1](x).mT).mT
        return x + self.down(nn.functional.gelu(self.up(self.norms[2](x)), approximate="tanh"))


class LiftNetwork(nn.Module):
    """``inputs`` (:mod:`.inputs`) to raw ``outputs`` (:mod:`.outputs`) of each frame."""

    def __init__(
        self,
        channels: int,
        *,
        width: int = 192,
        layers: int = 6,
        heads: int = 4,
        feedforward: int = 512,
        kernel: int = 7,
    ) -> None:
        super().__init__()
        self.head_dim = width // heads
        self.enter = nn.Linear(channels, width)
        self.blocks = nn.ModuleList(Block(width, heads, feedforward, kernel) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, WIDTH)
        #: Linear skip connection from inputs to outputs, for inputs that are poses already.
        self.skip = nn.Linear(channels, WIDTH, bias=False)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.skip.weight)
        with torch.no_grad():
            self.leave.bias.copy_(torch.tensor(START))

    def forward(self, inputs: Float[Tensor, "B T C"], time: Float[Tensor, "B T"]) -> Float[Tensor, "B T W"]:
        """``time``: seconds from any origin."""
        wave = rotary(time, self.head_dim)
        x = self.enter(inputs)
        for block in self.blocks:
            x = block(x, wave)
        return self.leave(self.norm(x)) + self.skip(inputs)


def load(path: Path) -> tuple[LiftNetwork, dict[str, Any]]:
    """Frozen network (float32, CPU) and its card. Raises BadInput."""
    return LIFT.load(path, lambda card: LiftNetwork(CHANNELS, **card["network"]))


def save(path: Path, state: dict[str, Tensor], card: dict[str, Any]) -> None:
    """Write weights (half precision) and card, each atomically."""
    LIFT.write(path, {key: value.half() for key, value in state.items()}, card)
