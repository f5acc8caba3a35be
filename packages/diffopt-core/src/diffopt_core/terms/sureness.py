"""How much an initial rotation counts, by how sure its maker was of it."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

#: The surest counts at most this many times as much as one of standard deviation ``sure``, and a bit.
_MOST = 4.0


def sureness(variance: Float[Tensor, "*b"], sure: float) -> Float[Tensor, "*b"]:
    """Weights, inverse to the variance (rad^2) and near 1 where its root is ``sure``."""
    return sure**2 / (variance + sure**2 / _MOST)
