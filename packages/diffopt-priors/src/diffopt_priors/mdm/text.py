"""Text for published checkpoints: a supplied CLIP embedding and classifier-free guidance (Ho and Salimans 2022).

CLIP itself is not here. The embedding is the 512-vector of ViT-B/32 for one sentence, as the official code feeds it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffopt_core.common.npz import read_array
from diffopt_core.errors import BadInput, MissingResource
from jaxtyping import Float, Int
from torch import Tensor, nn

from diffopt_priors.mdm.network import MDM, TEXT_DIM

_SOURCE = (
    f"expected a .npy of {TEXT_DIM} numbers: the CLIP ViT-B/32 text embedding of one sentence, saved with numpy.save"
)


def read_embedding(path: Path) -> Float[Tensor, "512"]:
    """The embedding, float32."""
    if not path.is_file():
        raise MissingResource(f"prior.text_embedding: {path} not found; {_SOURCE}")
    values = read_array(path, f"; {_SOURCE}")
    if values.dtype.kind not in "fiu":
        raise BadInput(path, "text_embedding", f"holds no plain array of numbers; {_SOURCE}")
    if values.size != TEXT_DIM or max(values.shape) != TEXT_DIM:
        raise BadInput(path, "text_embedding", f"has shape {values.shape}; {_SOURCE}")
    if not np.isfinite(values).all():
        raise BadInput(path, "text_embedding", f"holds numbers that are not finite; {_SOURCE}")
    return torch.from_numpy(values.reshape(-1).astype(np.float32))


class TextGuided(nn.Module):
    """A text network with its sentence: ``uncond + scale (cond - uncond)``, both in one batched forward."""

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
