"""Settings of the priors. No torch here: ``diffopt plugins`` stays fast."""

from __future__ import annotations

from typing import ClassVar, Literal

from diffopt_core.config import TermConfig
from pydantic import Field, model_validator

from diffopt_priors.cards import HUMOR_WEIGHTS, MDM_WEIGHTS, VPOSER_WEIGHTS


class MDMConfig(TermConfig):
    """Score distillation under the motion diffusion model (Sec. 3.2, eq. 1-3)."""

    ragged: ClassVar[bool] = True
    licence: ClassVar[str] = (
        "Shipped weights 'open', the default, were trained on CMU mocap (free for all uses; acknowledgement requested) "
        "and 100STYLE (CC BY 4.0: attribution); 'nc' (`--set prior.weights=nc`) also on "
        "Bandai-Namco-Research-Motiondataset (CC BY-NC 4.0: non-commercial use only). The .json card beside the "
        "weights has the full text. Published MDM checkpoints were trained on HumanML3D, hence on AMASS: "
        "non-commercial research only."
    )
    builds: ClassVar[str] = "diffopt_priors.mdm.term:MDMPrior"

    weights: str = Field(
        "open",
        description="Name of shipped weights, path of a .safetensors with its .json card, or path of a published "
        "MDM checkpoint (model*.pt, its args.json beside it).",
    )
    stats: str | None = Field(
        None, description="Folder with HumanML3D's Mean.npy and Std.npy; only for published checkpoints."
    )
    diffusion_steps: int | None = Field(
        None, ge=2, description="Diffusion steps of a published checkpoint that has no args.json beside it."
    )
    text_embedding: str | None = Field(
        None,
        description="A .npy of 512 numbers, CLIP's (ViT-B/32) embedding of a sentence, for models trained with text; "
        "of models with DistilBERT (tokens, 768), its last_hidden_state.",
    )
    text_scale: float = Field(2.5, ge=0, description="Classifier-free guidance: 0 ignores the text, 1 is plain text.")
    window: int | None = Field(
        None,
        ge=8,
        description="Frames per window at the prior's frame rate; default: as long as the clip needs, at most "
        "the window that the prior was trained with.",
    )
    overlap: int = Field(16, ge=0, description="Least overlap of neighbouring windows, frames of the prior's rate.")
    timesteps: tuple[float, float] | None = Field(
        None,
        description="Range of the noise level, as shares of the diffusion schedule. Default: the range that the card "
        "of the weights names, else [0.02, 0.98].",
    )
    root_timesteps: tuple[float, float] | None = Field(
        None,
        description="Range of the noise level of the trajectory channels, if it differs from "
        "the body's: with high values the path is predicted from the articulation. "
        "Default: the card's; if timesteps is given, the body's level, as in eq. 1.",
    )
    schedule: Literal["uniform", "annealed", "linear", "truncated"] = Field(
        "uniform",
        description="Noise levels drawn uniformly; descending with the square root of the progress (annealed) or "
        "with the progress (linear); or drawn below an upper end that falls with the progress (truncated).",
    )
    weighting: Literal["uniform", "sds", "snr", "fantasia", "likelihood"] = Field(
        "uniform",
        description="w(t): 1, sigma^2, min(SNR, 5) / 5, or alpha sigma^2; likelihood: by clip, frame "
        "and channel, in units of the residuals on held-out motion (the card's spread); bounded "
        "for motion unlike the training data, full for channels that no keypoint shows.",
    )
    form: Literal["x0", "eps"] = Field(
        "x0",
        description="Residual of the motion, or of the noise as eq. 3 has it: the same up to (alpha / sigma)^2.",
    )
    noise_samples: int = Field(1, ge=1, description="Noise samples per step.")
    noise: Literal["random", "inverted"] = Field(
        "random", description="Random noise, or noise from DDIM inversion of the current motion (SDI)."
    )
    inversion_steps: int = Field(10, ge=1, description="DDIM steps up to the noise level, for inverted noise.")
    inversion_eta: float = Field(
        0.3, ge=0, le=1, description="Share of random noise in inverted noise: 0 none, 1 only random noise."
    )
    target_steps: int = Field(
        1,
        ge=1,
        description="DDIM steps from the noise level down to the target; 1 is plain score distillation.",
    )
    inpaint: bool = Field(
        False,
        description="Keep well-detected joints unchanged at high noise: the target is blended "
        "with the motion by 2D confidence times max(0, 2 t - 1), at every step down.",
    )
    strength: float | None = Field(
        None,
        gt=0,
        description="Factor of the energy (a better denoiser has smaller residuals). Default: the card's, else 1.",
    )
    velocity_weight: float = Field(
        1.0,
        ge=0,
        description="Weight of the root's yaw rate and horizontal velocity among the channels (others 1).",
    )

    @model_validator(mode="after")
    def _ranges(self) -> MDMConfig:
        for name in ("timesteps", "root_timesteps"):
            span = getattr(self, name)
            if span is not None and not 0 <= span[0] <= span[1] <= 1:
                raise ValueError(f"{name}: expected two increasing shares in [0, 1], got {list(span)}")
        return self

    def terms_of_use(self) -> str:
        """Those of the chosen weights."""
        return MDM_WEIGHTS.terms(self.weights) or self.licence


class VPoserConfig(TermConfig):
    """Pose prior: how likely each frame's pose is under a variational autoencoder of single poses (VPoser)."""

    ragged: ClassVar[bool] = True
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
        description="nll: likelihood of the encoded pose. latent: a code per frame is optimised (free `prior.*`), and "
        "the pose is tied to what it decodes to.",
    )
    reconstruction: float = Field(
        1.0,
        ge=0,
        description="nll: weight of the squared distance between a pose and its reconstruction, "
        "in units of `spread`; 0 is the likelihood alone, which is "
        "also high for impossible poses that the encoder maps to average codes.",
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
        """Class of the energy of this form: ``energy(scene) -> [B]``, mean over frames; about 0.5 for a typical
        pose."""
        return f"diffopt_priors.vposer.term:{'NLLPrior' if self.form == 'nll' else 'LatentPrior'}"


class HuMoRConfig(TermConfig):
    """Likelihood of every transition under HuMoR (Rempe et al. 2021), with its contact and ground terms."""

    ragged: ClassVar[bool] = True
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
        description="`motion`: latents are encoded from the current motion; `latent`: they are "
        "variables prior.z, which a stage must free (free = ['motion.*', 'prior.*']).",
    )
    likelihood: Literal["kl", "nll"] = Field(
        "kl",
        description="For form `motion`: KL of the posterior to the conditional prior, or minus the "
        "log likelihood of the posterior's mean. Form `latent` always uses the latter.",
    )
    transition: float = Field(0.1, ge=0, description="Weight of the likelihood, nats per latent.")
    consistency: float = Field(
        0.1,
        ge=0,
        description="Weight of the difference between decoded and actual next state, in "
        "units of the usual change; other weight files may need another value.",
    )
    contact_speed: float = Field(0.02, ge=0, description="Weight of the speed of joints in contact, units of 0.3 m/s.")
    contact_height: float = Field(
        0.1, ge=0, description="Weight of the height of joints in contact beyond 8 cm off the floor, units of 5 cm."
    )
    limit: float = Field(
        1.0,
        gt=0,
        description="Above this value, likelihood and consistency of a transition grow logarithmically, "
        "so that a few bad frames of the initial estimate do not dominate the clip.",
    )

    def terms_of_use(self) -> str:
        """Those of the chosen weights."""
        return HUMOR_WEIGHTS.terms(self.weights) or self.licence

    def target(self) -> str:
        """Class of the energy of this form: ``energy(scene) -> [B]``, mean over the clip's transitions at the model's
        rate."""
        return f"diffopt_priors.humor.energy:{'HuMoRPrior' if self.form == 'motion' else 'HuMoRLatentPrior'}"
