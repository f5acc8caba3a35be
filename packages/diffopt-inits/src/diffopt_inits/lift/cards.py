"""Weight files by name and path, and the terms in the card beside them. No torch."""

from __future__ import annotations

from pathlib import Path

from diffopt_core.perception.weights import shipped

#: Weights that ship with the package, as lift_NAME.safetensors.
SHIPPED = Path(__file__).parent / "weights"


def named(weights: str) -> Path:
    """File of a shipped name ("open") or of a path, there or not."""
    word = Path(weights).name == weights and not Path(weights).suffix
    return SHIPPED / f"lift_{weights}.safetensors" if word else Path(weights).expanduser()


def resolve(weights: str) -> Path:
    """File of a shipped name or of a path. Raises MissingResource with the names there are."""
    path = named(weights)
    remedy = (
        ". Train your own with `diffopt train lift --data FOLDER --out FOLDER`, then "
        "--set initializer.weights=FOLDER/lift.safetensors"
    )
    shipped.require("lift", SHIPPED, (path, path.with_suffix(".json")), remedy, "initializer")
    return path


def terms(weights: str) -> str:
    """Terms of the motion that weights were trained on; empty where no card says any."""
    return shipped.terms(weights, named(weights).with_suffix(".json"))
