"""Settings of ``prior/mdm``. No torch here: ``diffopt plugins`` stays fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from diffopt_core.config import TermConfig
from pydantic import Field, model_validator

if TYPE_CHECKING:
    from diffopt_core.interfaces import Energy, ProblemContext


class MDMConfig(TermConfig):
    """Score distillation under the motion diffusion model (Sec. 3.2, eq. 1-3)."""

    licence: ClassVar[str] = (
        "Shipped weights 'nc' were trained on CMU mocap (free for all uses; acknowledgement requested), 100STYLE "
        "(CC BY 4.0) and Bandai-Namco-Research-Motiondataset (CC BY-NC 4.0: non-commercial use only). The .json "
        "card beside the weights has the full text. Weights trained with `--exclude bnr` are free of the "
        "non-commercial term."
    )

    weights: str = Field("nc", description="Name of shipped weights, or path of a .safetensors with its .json card.")
    window: int | None = Field(
        None,
        ge=8,
        description="Frames a window at the prior's frame rate; default: as long as the clip needs, at most "
        "the window that the prior was trained with.",
    )
    overlap: int = Field(16, ge=0, description="Least overlap of neighbouring windows, frames of the prior's rate.")
    timesteps: tuple[float, float] = Field(
        (0.02, 0.98), description="Range of the noise level, as shares of the diffusion schedule."
    )
    root_timesteps: tuple[float, float] | None = Field(
        None,
        description="Range of the noise level of the trajectory channels where it differs from the body's: high "
        "values ask for the path that belongs to the articulation. Default: the body's level, as in eq. 1.",
    )
    schedule: Literal["uniform", "annealed"] = Field(
        "uniform",
        description="Noise levels drawn uniformly, or descending with the square root of the progress.",
    )
    weighting: Literal["uniform", "sds", "snr", "fantasia"] = Field(
        "uniform", description="w(t): 1, sigma^2, min(SNR, 5) / 5, or alpha sigma^2."
    )
    form: Literal["x0", "eps"] = Field(
        "x0",
        description="Residual of the motion, or of the noise as eq. 3 has it: the same up to (alpha / sigma)^2.",
    )
    noise_samples: int = Field(1, ge=1, description="Noise samples a step.")
    target_steps: int = Field(
        1,
        ge=1,
        description="DDIM steps from the noise level down to the target; 1 is plain score distillation.",
    )
    velocity_weight: float = Field(
        1.0,
        ge=0,
        description="Weight of the root's yaw rate and horizontal velocity among the channels (others 1).",
    )

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        for name in ("timesteps", "root_timesteps"):
            span = getattr(self, name)
            if span is not None and not 0 <= span[0] <= span[1] <= 1:
                raise ValueError(f"{name}: two rising shares in [0, 1] expected, got {list(span)}")
        return self

    def build(self, ctx: ProblemContext) -> Energy:
        """``energy(scene) -> [B]``: mean squared residual per channel and frame."""
        from diffopt_priors.mdm.term import MDMPrior

        return MDMPrior(self, ctx)
