"""Where the lifting network's weights are found and what they say of themselves. No torch."""

from __future__ import annotations

from pathlib import Path

from diffopt_core.perception.weights.cards import OwnWeights

LIFT = OwnWeights(
    "lift", Path(__file__).parent / "weights", {"format": 1},
    "`diffopt train lift --data FOLDER --out FOLDER` writes the .safetensors and its .json card together",
    kind="initializer",
)  # fmt: skip
