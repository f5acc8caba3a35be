"""The motion diffusion transformer (Tevet et al. 2023), with the official names of its weights.

Details that the official checkpoints require: token 0 is the time (plus text) embedding; the same sinusoidal table is
added to all tokens, token 0 included; the time embedding reads row t of that table; post-norm layers, exact GELU, no
final norm; the output is x0.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from diffopt_core.common.npz import read_array
from diffopt_core.errors import BadInput, MissingResource
from jaxtyping import Float, Int
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
    ) -> Float[Tensor, "B T D"]:
        """Predicted x0 (normalised features)."""
        token = self.embed_timestep.time_embed(self.table[t])
        if self.embed_text is not None:
            condition = token.new_zeros(len(token), TEXT_DIM) if text is None else text
            token = token + self.embed_text(condition)
        tokens = torch.cat([token.unsqueeze(1), self.input_process.poseEmbedding(x)], dim=1)
        tokens = tokens + self.table[: tokens.shape[1]]
        return self.output_process.poseFinal(self.seqTransEncoder(tokens)[:, 1:])


_SOURCE = (
    f"expected a .npy of {TEXT_DIM} numbers: the CLIP ViT-B/32 text embedding of one sentence, saved with numpy.save"
)


def read_embedding(path: Path) -> Float[Tensor, "512"]:
    """The embedding, float32."""
    if not path.is_file():
        raise MissingResource(f"prior.text_embedding: {path} not found; {_SOURCE}")
    values = read_array(path, f"; {_SOURCE}")
    if values.dtype.kind not in "fiu":
        raise BadInput(path, "text_embedding", f"is not an array of numbers; {_SOURCE}")
    if values.size != TEXT_DIM or max(values.shape) != TEXT_DIM:
        raise BadInput(path, "text_embedding", f"has shape {values.shape}; {_SOURCE}")
    if not np.isfinite(values).all():
        raise BadInput(path, "text_embedding", f"has values that are not finite; {_SOURCE}")
    return torch.from_numpy(values.reshape(-1).astype(np.float32))


class TextGuided(nn.Module):
    """A text-conditioned network with a fixed sentence: ``uncond + scale (cond - uncond)``, both in one batched
    forward."""

    def __init__(self, network: MDM, embedding: Float[Tensor, "512"], scale: float) -> None:
        super().__init__()
        self.network = network
        self.scale = scale
        # The unconditional branch zeroes the embedding and keeps the bias of embed_text.
        self.register_buffer("texts", torch.stack([embedding, torch.zeros_like(embedding)]), persistent=False)
        self.texts: Tensor

    def forward(self, x: Float[Tensor, "B T D"], t: Int[Tensor, "B"]) -> Float[Tensor, "B T D"]:
        """x0 (normalised)."""
        text = self.texts.repeat_interleave(len(x), dim=0)
        conditional, unconditional = self.network(x.repeat(2, 1, 1), t.repeat(2), text=text).chunk(2)
        return torch.lerp(unconditional, conditional, self.scale)
