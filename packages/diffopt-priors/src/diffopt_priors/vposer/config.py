"""Settings of ``prior/vposer``. No torch here: ``diffopt plugins`` stays fast."""

from __future__ import annotations

from typing import ClassVar, Literal

from diffopt_core.config import TermConfig
from pydantic import Field

from diffopt_priors.cards import VPOSER_WEIGHTS


class VPoserConfig(TermConfig):
    """Pose prior: how likely each frame's pose is under a variational autoencoder of single poses (VPoser)."""

    licence: ClassVar[str] = (
        "Shipped weights 'open' were trained on CMU mocap (free for all uses; the data used in this project was "
        "obtained from mocap.cs.cmu.edu, created with funding from NSF EIA-0196217) and 100STYLE (Ian Mason, CC BY "
        "4.0); the .json card beside them has the full text. Official VPoser checkpoints, which are not shipped, are "
        "under the Max Planck non-commercial research licence, and were trained on AMASS: see the terms of both."
    )

    weights: str = Field(
        "open",
        description="Name of shipped weights, a .safetensors with its .json card, or an official checkpoint: "
        ".pt (v1), .ckpt (v2), or the folder of either.",
    )
    form: Literal["nll", "latent"] = Field(
        "nll",
        description="nll: likelihood of the encoded pose. latent: a code a frame is optimised (free `prior.*`), and "
        "the pose is tied to what it decodes to.",
    )
    reconstruction: float = Field(
        1.0,
        ge=0,
        description="nll: weight of the squared distance between a pose and its reconstruction, in units of `spread`; "
        "0 is the likelihood alone, which any pose that the encoder takes for an average one passes.",
    )
    tie: float = Field(
        1.0, ge=0, description="latent: weight of the squared distance to the decoded pose, in `spread`."
    )
    spread: float = Field(
        0.2, gt=0, description="Deviation from a reconstruction that counts 1, rad, root mean square over the joints."
    )

    def terms_of_use(self) -> str:
        """Those of the chosen weights."""
        return VPOSER_WEIGHTS.terms(self.weights) or self.licence

    def target(self) -> str:
        """The energy of the form: ``energy(scene) -> [B]``, mean over frames; a typical pose is worth about a half."""
        return f"diffopt_priors.vposer.term:{'NLLPrior' if self.form == 'nll' else 'LatentPrior'}"
