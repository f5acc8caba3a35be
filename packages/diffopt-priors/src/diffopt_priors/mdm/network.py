"""The motion diffusion transformer (Tevet et al. 2023), with the official names of its weights.

Facts that the official checkpoints rely on: token 0 is the time (plus text) embedding; the same sinusoidal
table is added to all tokens, token 0 included; the time embedding reads row t of that table; post-norm
layers, exact GELU, no final norm; the output is x0.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

_TABLE_ROWS = 5000
TEXT_DIM = 512


def sinusoidal_table(rows: int, dim: int) -> Float[Tensor, "rows dim"]:
    """sin and cos interleaved: entry (p, 2 i) = sin(p / 10000^(2 i / dim))."""
    position = torch.arange(rows).unsqueeze(1)
    rate = torch.exp(torch.arange(0, dim, 2) * (-math.log(10000.0) / dim))
    table = torch.zeros(rows, dim)
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate)
    return table


class _InputProcess(nn.Module):
    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.poseEmbedding = nn.Linear(channels, width)


class _OutputProcess(nn.Module):
    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.poseFinal = nn.Linear(width, channels)


class _TimeEmbedding(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.time_embed = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))


class MDM(nn.Module):
    """Transformer encoder ``x_t, t -> x0``.

    text: adds ``embed_text`` (the 512-d CLIP vector goes in; CLIP itself is not here).
    """

    def __init__(
        self,
        *,
        channels: int = 263,
        width: int = 512,
        layers: int = 8,
        heads: int = 4,
        feedforward: int = 1024,
        dropout: float = 0.0,
        text: bool = False,
    ) -> None:
        super().__init__()
        self.input_process = _InputProcess(channels, width)
        layer = nn.TransformerEncoderLayer(
            width, heads, feedforward, dropout=dropout, activation="gelu", batch_first=True
        )
        self.seqTransEncoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.embed_timestep = _TimeEmbedding(width)
        self.embed_text = nn.Linear(TEXT_DIM, width) if text else None
        self.output_process = _OutputProcess(channels, width)
        self.register_buffer("table", sinusoidal_table(_TABLE_ROWS, width), persistent=False)
        self.table: Tensor
        for parameter in self.seqTransEncoder.parameters():
            # The clones made by TransformerEncoder start equal; layers should not.
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        t: Int[Tensor, "B"],
        *,
        text: Float[Tensor, "B 512"] | None = None,
        mask: Bool[Tensor, "B T"] | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Predicted x0 (normalised features). mask: True where a frame is valid (official ``mask_frames``)."""
        token = self.embed_timestep.time_embed(self.table[t])
        if self.embed_text is not None:
            condition = token.new_zeros(len(token), TEXT_DIM) if text is None else text
            token = token + self.embed_text(condition)
        tokens = torch.cat([token.unsqueeze(1), self.input_process.poseEmbedding(x)], dim=1)
        tokens = tokens + self.table[: tokens.shape[1]]
        padding = None
        if mask is not None:
            padding = ~torch.cat([mask.new_ones(len(mask), 1), mask], dim=1)
        out = self.seqTransEncoder(tokens, src_key_padding_mask=padding)
        return self.output_process.poseFinal(out[:, 1:])


def classifier_free(
    model: MDM, x: Tensor, t: Tensor, text: Tensor, scale: Float[Tensor, "B"], mask: Tensor | None = None
) -> Tensor:
    """Classifier-free guidance: uncond + scale (cond - uncond); the unconditional branch zeroes the text."""
    conditional = model(x, t, text=text, mask=mask)
    unconditional = model(x, t, text=torch.zeros_like(text), mask=mask)
    return unconditional + scale[:, None, None] * (conditional - unconditional)
