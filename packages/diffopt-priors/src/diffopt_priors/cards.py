"""Weights that ship with this package, and the terms in the card beside a weight file. No torch."""

from __future__ import annotations

from pathlib import Path

from diffopt_core.perception.weights import shipped

#: Weights that ship with the package, as PRIOR_NAME.safetensors.
SHIPPED = Path(__file__).parent / "weights"


def terms(prior: str, weights: str) -> str:
    """Terms of shipped weights by name or of a file by its path; empty where no card says any."""
    own = SHIPPED / f"{prior}_{weights}.json"
    return shipped.terms(weights, own if own.is_file() else Path(weights).with_suffix(".json"))
