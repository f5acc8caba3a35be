"""Weight files of the priors: shipped, user-trained and published ones. No torch."""

from __future__ import annotations

from pathlib import Path

from diffopt_core.perception.weights.cards import OwnWeights
from diffopt_core.plugin import WeightFile

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


WEIGHTS: tuple[WeightFile, ...] = (
    WeightFile(
        "mdm-humanml",
        "MDM for HumanML3D, transformer encoder, 1000 steps",
        "humanml_trans_enc_512.zip",
        "MIT; trained on AMASS and HumanML3D, whose terms are for non-commercial research",
        "https://github.com/GuyTevet/motion-diffusion-model",
        urls=(
            "https://drive.usercontent.google.com/download?id=1PE0PK8e5a5j-7-Xhs5YET5U5pGh0c821&export=download&confirm=t",
        ),
        used_by="prior mdm",
        then="Unpack it, then: diffopt train import-mdm humanml_trans_enc_512/model000475000.pt (see its --help).",
    ),
    WeightFile(
        "vposer-v1",
        "VPoser v1.0, a folder vposer_v1_0",
        "vposer_v1_0.zip",
        "Max Planck non-commercial research licence",
        "https://smpl-x.is.tue.mpg.de/modellicense.html",
        registration="https://smpl-x.is.tue.mpg.de",
        used_by="prior vposer",
        then="Unpack it and name the folder: --set prior.weights=PATH/vposer_v1_0",
    ),
    WeightFile(
        "vposer-v2",
        "VPoser v2.0, a folder V02_05",
        "V02_05.zip",
        "Max Planck non-commercial research licence",
        "https://smpl-x.is.tue.mpg.de/modellicense.html",
        registration="https://smpl-x.is.tue.mpg.de",
        used_by="prior vposer",
        then="Unpack it and name the folder: --set prior.weights=PATH/V02_05",
    ),
    WeightFile(
        "humor",
        "HuMoR, HuMoR-Qual and the mixture of first states",
        "humor_checkpoints.zip",
        "MIT (code); trained on AMASS, whose terms are for non-commercial research",
        "https://github.com/davrempe/humor",
        urls=("http://download.cs.stanford.edu/orion/humor/checkpoints.zip",),
        size=215_000_000,
        used_by="prior humor",
        then="Unpack it, then: --set prior.weights=PATH/checkpoints/humor/best_model.pth",
    ),
)
