"""Weights of the priors that ship with this package or that a user trained. No torch."""

from __future__ import annotations

from pathlib import Path

from diffopt_core.perception.weights.cards import OwnWeights

_SHIPPED = Path(__file__).parent / "weights"
MDM_WEIGHTS = OwnWeights(
    "mdm", _SHIPPED, {"format": 2},
    "`diffopt train mdm` and `diffopt train import-mdm` write the .safetensors and its .json card together",
)  # fmt: skip
HUMOR_WEIGHTS = OwnWeights(
    "humor", _SHIPPED, {"model": "humor", "format": 1},
    "train your own with `diffopt train humor --data FOLDER --out FOLDER --minutes 40`, which writes the .safetensors "
    "and its .json card together, or take the published best_model.pth of https://github.com/davrempe/humor",
    published=(".pth", ".pt"),
)  # fmt: skip
VPOSER_WEIGHTS = OwnWeights(
    "vposer", _SHIPPED, {"kind": "vposer", "format": 1},
    "weights of your own come from `diffopt train vposer`, the official vposer_v1_0 and V02_05 from "
    "https://smpl-x.is.tue.mpg.de (registration, non-commercial)",
    published=(".ckpt", ".pt", ".pth"),
)  # fmt: skip
