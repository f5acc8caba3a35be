"""Settings of ``prior/humor``. No torch here: ``diffopt plugins`` stays fast."""

from __future__ import annotations

from typing import ClassVar, Literal

from diffopt_core.config import TermConfig
from pydantic import Field

from diffopt_priors.cards import HUMOR_WEIGHTS


class HuMoRConfig(TermConfig):
    """Likelihood of every transition under HuMoR (Rempe et al. 2021), with its contact and ground terms."""

    licence: ClassVar[str] = (
        "Shipped weights 'open' were trained on CMU mocap (free for all uses; acknowledgement requested) and 100STYLE "
        "(CC BY 4.0, attribution: Ian Mason). The .json card beside the weights has the full text. The published "
        "checkpoint was trained on AMASS: non-commercial research only."
    )

    weights: str = Field(
        "open",
        description="Name of shipped weights, path of a .safetensors with its .json card, or of a published .pth.",
    )
    form: Literal["motion", "latent"] = Field(
        "motion",
        description="`motion`: latents are read off the present motion; `latent`: the prior owns them as prior.z, "
        "which a stage has to free (free = ['motion.*', 'prior.*']).",
    )
    likelihood: Literal["kl", "nll"] = Field(
        "kl",
        description="Of the motion form: KL of the posterior to the conditional prior, or minus the log likelihood of "
        "the posterior's mean. The latent form has the latter.",
    )
    transition: float = Field(0.1, ge=0, description="Weight of the likelihood, nats a latent.")
    consistency: float = Field(
        0.1, ge=0, description="Weight of what the latent cannot explain of the next state, in units of its change."
    )
    contact_speed: float = Field(0.02, ge=0, description="Weight of the speed of joints in contact, units of 0.3 m/s.")
    contact_height: float = Field(
        0.1, ge=0, description="Weight of the height of joints in contact beyond 8 cm off the floor, units of 5 cm."
    )
    limit: float = Field(
        1.0,
        gt=0,
        description="Likelihood and consistency of one transition grow like a logarithm beyond this: a first estimate "
        "is far from any motion, and a few bad frames must not outweigh the clip.",
    )

    def terms_of_use(self) -> str:
        """Those of the chosen weights."""
        return HUMOR_WEIGHTS.terms(self.weights) or self.licence

    def target(self) -> str:
        """The energy of the form: ``energy(scene) -> [B]``, mean over the clip's transitions at the model's rate."""
        return f"diffopt_priors.humor.energy:{'HuMoRPrior' if self.form == 'motion' else 'HuMoRLatentPrior'}"
