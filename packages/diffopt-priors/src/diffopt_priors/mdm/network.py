"""The motion diffusion transformer (Tevet et al. 2023), with the official names of its weights.

Details that the official checkpoints require: the encoder's token 0 is the time (plus text) embedding; the decoder
reads time and text as memory, and its tokens are the frames alone unless ``time_token``; the same sinusoidal table is
added to all tokens, token 0 included; the time embedding reads row t of that table; post-norm layers, exact GELU, no
final norm; the output is x0.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffopt_core.common.npz import read_array
from diffopt_core.data.invariant import by_rows
from diffopt_core.errors import BadInput, MissingResource
from jaxtyping import Float, Int
from torch import Tensor, nn

_TABLE_ROWS = 5000
#: Tokens of the empty sentence, of which the official unconditional branch is made.
_SILENT = 2
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
    """Transformer ``x_t, t -> x0``: an encoder, or with ``decoder`` a decoder.

    text: adds ``embed_text``, of vectors of ``text_dim``: CLIP's of a sentence (512), or DistilBERT's of its tokens
    (768, decoder only); the language models are not here. Of the decoder: ``time_token``: its tokens begin with the
    time, as ``emb_trans_dec``; ``concat``: time and text are tokens of the memory, not their sum, as ``emb_policy``.
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
        text_dim: int = TEXT_DIM,
        decoder: bool = False,
        time_token: bool = False,
        concat: bool = False,
    ) -> None:
        super().__init__()
        self.text_dim, self.time_token, self.concat = text_dim, time_token, concat
        self.input_process = _InputProcess(channels, width)
        shape: dict[str, Any] = {
            "dim_feedforward": feedforward,
            "dropout": dropout,
            "activation": "gelu",
            "batch_first": True,
        }
        if decoder:
            self.seqTransDecoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(width, heads, **shape), layers)
        else:
            layer = nn.TransformerEncoderLayer(width, heads, **shape)
            self.seqTransEncoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.decoder = decoder
        self.embed_timestep = _TimeEmbedding(width)
        self.embed_text = nn.Linear(text_dim, width) if text else None
        self.output_process = _OutputProcess(channels, width)
        self.register_buffer("table", sinusoidal_table(_TABLE_ROWS, width), persistent=False)
        self.table: Tensor
        for parameter in (self.seqTransDecoder if decoder else self.seqTransEncoder).parameters():
            # The clones made by the transformer start equal; layers should not.
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        t: Int[Tensor, "B"],
        *,
        text: Float[Tensor, "B C"] | Float[Tensor, "B L C"] | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Predicted x0 (normalised features). ``text``: of a sentence, or of its tokens; None is the unconditional
        branch."""
        time = by_rows(self.embed_timestep.time_embed, self.table[t]).unsqueeze(1)
        if text is None:
            text = time.new_zeros(len(time), _SILENT if self.concat else 1, self.text_dim)
        text = text if text.dim() == 3 else text.unsqueeze(1)
        words = None if self.embed_text is None else by_rows(self.embed_text, text)
        tokens = self.input_process.poseEmbedding(x)
        if not self.decoder:
            told = time if words is None else time + words
            tokens = torch.cat([told, tokens], dim=1)
            tokens = tokens + self.table[: tokens.shape[1]]
            return self.output_process.poseFinal(self.seqTransEncoder(tokens)[:, 1:])
        memory = time if words is None else torch.cat([time, words], 1) if self.concat else time + words
        if self.time_token:
            tokens = torch.cat([time, tokens], dim=1)
        tokens = tokens + self.table[: tokens.shape[1]]
        return self.output_process.poseFinal(self.seqTransDecoder(tokens, memory)[:, int(self.time_token) :])


_SOURCES = {
    512: "expected a .npy of 512 numbers: the CLIP ViT-B/32 text embedding of one sentence, saved with numpy.save",
    768: "expected a .npy (tokens, 768): DistilBERT's (distilbert-base-uncased) last_hidden_state of one sentence, "
    "without padding, saved with numpy.save",
}


def read_embedding(path: Path, dim: int = TEXT_DIM) -> Float[Tensor, "L dim"]:
    """The embedding, float32. ``dim``: 512 of CLIP, one row; 768 of DistilBERT, a row for each token."""
    source = _SOURCES.get(dim, f"expected a .npy of {dim} numbers")
    if not path.is_file():
        raise MissingResource(f"prior.text_embedding: {path} not found; {source}")
    values = read_array(path, f"; {source}")
    if values.dtype.kind not in "fiu":
        raise BadInput(path, "text_embedding", f"is not an array of numbers; {source}")
    if not values.size or values.shape[-1:] != (dim,) or values.size != dim * max((1, *values.shape[:-1])):
        raise BadInput(path, "text_embedding", f"has shape {values.shape}; {source}")
    if dim == TEXT_DIM and values.size != dim:
        raise BadInput(path, "text_embedding", f"has shape {values.shape}; {source}")
    if not np.isfinite(values).all():
        raise BadInput(path, "text_embedding", f"has values that are not finite; {source}")
    return torch.from_numpy(values.reshape(-1, dim).astype(np.float32))


class TextGuided(nn.Module):
    """A text-conditioned network with a fixed sentence: ``uncond + scale (cond - uncond)``, both in one batched
    forward."""

    def __init__(self, network: MDM, embedding: Float[Tensor, "*L C"], scale: float) -> None:
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
