"""Settings of ``prior/mdm``. No torch here: ``diffopt plugins`` stays fast."""

from __future__ import annotations

from typing import ClassVar, Literal

from diffopt_core.config import TermConfig
from pydantic import Field, model_validator

from diffopt_priors.cards import MDM_WEIGHTS


class MDMConfig(TermConfig):
    """Score distillation under the motion diffusion model (Sec. 3.2, eq. 1-3)."""

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
        None, description="Folder with HumanML3D's Mean.npy and Std.npy; published checkpoints need it, others have it."
    )
    diffusion_steps: int | None = Field(
        None, ge=2, description="Diffusion steps of a published checkpoint that has no args.json beside it."
    )
    text_embedding: str | None = Field(
        None,
        description="A .npy of 512 numbers, CLIP's (ViT-B/32) embedding of a sentence, for models trained with text.",
    )
    text_scale: float = Field(2.5, ge=0, description="Classifier-free guidance: 0 ignores the text, 1 is plain text.")
    window: int | None = Field(
        None,
        ge=8,
        description="Frames a window at the prior's frame rate; default: as long as the clip needs, at most "
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
        description="Range of the noise level of the trajectory channels where it differs from the body's: high "
        "values ask for the path that belongs to the articulation. Default: the card's; where timesteps is given, "
        "the body's level, as in eq. 1.",
    )
    schedule: Literal["uniform", "annealed", "linear", "truncated"] = Field(
        "uniform",
        description="Noise levels drawn uniformly; descending with the square root of the progress (annealed) or "
        "with the progress (linear); or drawn below an upper end that falls with the progress (truncated).",
    )
    weighting: Literal["uniform", "sds", "snr", "fantasia", "likelihood"] = Field(
        "uniform",
        description="w(t): 1, sigma^2, min(SNR, 5) / 5, or alpha sigma^2; likelihood: by clip, frame and channel, in "
        "units of the residuals of held-out motion (the card's spread), bounded where the motion is not known, full "
        "where the image shows nothing.",
    )
    form: Literal["x0", "eps"] = Field(
        "x0",
        description="Residual of the motion, or of the noise as eq. 3 has it: the same up to (alpha / sigma)^2.",
    )
    noise_samples: int = Field(1, ge=1, description="Noise samples a step.")
    noise: Literal["random", "inverted"] = Field(
        "random", description="Noise drawn afresh, or found by inverting DDIM from the present motion (SDI)."
    )
    inversion_steps: int = Field(10, ge=1, description="DDIM steps up to the noise level, where noise is inverted.")
    inversion_eta: float = Field(
        0.3, ge=0, le=1, description="Share of fresh noise in inverted noise: 0 none, 1 is random noise."
    )
    target_steps: int = Field(
        1,
        ge=1,
        description="DDIM steps from the noise level down to the target; 1 is plain score distillation.",
    )
    inpaint: bool = Field(
        False,
        description="Leave well-seen joints as they are at high noise: the target is blended with the motion by "
        "2D confidence times max(0, 2 t - 1), at every step down.",
    )
    strength: float | None = Field(
        None,
        gt=0,
        description="Factor of the energy. The better a network denoises, the smaller are its residuals. Default: the "
        "card's, else 1.",
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
                raise ValueError(f"{name}: two rising shares in [0, 1] expected, got {list(span)}")
        return self

    def terms_of_use(self) -> str:
        """Those of the chosen weights."""
        return MDM_WEIGHTS.terms(self.weights) or self.licence
