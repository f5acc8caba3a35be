"""Which feature channels the image shows: 2D confidence of each joint, for soft inpainting of the target.

After COIN (Li et al. 2024): target = M x + (1 - M) x0 with M = max(0, 2 t - 1) S. S is the confidence of a joint's
keypoint in its position, rotation and velocity channels; 0 where no keypoint shows the joint, and 0 in the root's
channels and the contacts, because an image does not show the path.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffopt_core.data.skeleton import JOINTS, LAYOUTS
from diffopt_core.errors import DiffOptError
from diffopt_core.types import Observations
from jaxtyping import Float, Int
from torch import Tensor

from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.features import DIM, NUM_FEATURE_JOINTS, POSITIONS, ROTATIONS, VELOCITIES

#: Keypoints that show a joint under another name, in order of preference.
_STAND_IN = {
    "head": ("nose",),
    "left_foot": ("left_foot_index", "left_big_toe"),
    "right_foot": ("right_foot_index", "right_big_toe"),
}


def shown_by(layout: str) -> tuple[int | None, ...]:
    """For each of the 22 joints the index of its keypoint in the layout, or None."""
    if layout not in LAYOUTS:
        raise DiffOptError(f"prior.inpaint: keypoint layout '{layout}' is not one of {', '.join(LAYOUTS)}")
    names = LAYOUTS[layout]
    found = []
    for joint in JOINTS[:NUM_FEATURE_JOINTS]:
        match = [name for name in (joint, *_STAND_IN.get(joint, ())) if name in names]
        found.append(names.index(match[0]) if match else None)
    return tuple(found)


def observed_channels(observations: Observations, *, velocities: bool) -> Float[Tensor, "B T 263"]:
    """S: confidence in [0, 1] of every channel; 0 in frames without a person.

    velocities: whether joint velocities do not contain the path (true for the embedded features, false for the official
    ones).
    """
    confidence = observations.keypoints[..., 2].clamp(0, 1) * observations.valid.unsqueeze(-1)
    absent = torch.zeros_like(confidence[..., 0])
    shown = shown_by(observations.layout)
    joints = torch.stack([absent if k is None else confidence[..., k] for k in shown], dim=-1)
    out = confidence.new_zeros(*confidence.shape[:-1], DIM)
    out[..., POSITIONS] = joints[..., 1:].repeat_interleave(3, dim=-1)
    out[..., ROTATIONS] = joints[..., 1:].repeat_interleave(6, dim=-1)
    if velocities:  # the first three of them are the root's
        out[..., VELOCITIES.start + 3 : VELOCITIES.stop] = joints[..., 1:].repeat_interleave(3, dim=-1)
    return out


@dataclass(frozen=True)
class Inversion:
    """DDIM inversion in ``steps``; ``eta`` in [0, 1] is the share of fresh noise (1: fresh noise only)."""

    steps: int = 10
    eta: float = 0.3


@dataclass(frozen=True)
class Targets:
    """``targets(x, t, root_t, eps, observed) -> x0``."""

    denoiser: Denoiser
    steps: int = 1
    inversion: Inversion | None = None

    @torch.no_grad()
    def __call__(
        self,
        x: Float[Tensor, "N L D"],
        t: Int[Tensor, "N"],
        root_t: Int[Tensor, "N"],
        eps: Float[Tensor, "N L D"],
        observed: Float[Tensor, "N L D"] | None = None,
    ) -> Float[Tensor, "N L D"]:
        """x, x0: normalised features. eps: fresh noise. observed: confidence in [0, 1] per channel."""
        if self.inversion is not None:
            eps = self.inverted(self.inversion, x, t, root_t, eps)
        x_t = self.denoiser.noised(x, t, root_t, eps)
        x0 = self._predict(x_t, t, root_t, x, observed)
        for left in range(self.steps - 1, 0, -1):
            implied = self.noise_of(x_t, x0, t, root_t)
            t, root_t = t * left // (left + 1), root_t * left // (left + 1)
            x_t = self.denoiser.noised(x0, t, root_t, implied)
            x0 = self._predict(x_t, t, root_t, x, observed)
        return x0

    def inverted(
        self,
        inversion: Inversion,
        x: Float[Tensor, "N L D"],
        t: Int[Tensor, "N"],
        root_t: Int[Tensor, "N"],
        fresh: Float[Tensor, "N L D"],
    ) -> Float[Tensor, "N L D"]:
        """Noise that carries x to level t along the deterministic path, mixed with ``fresh`` at constant variance.

        The first step away from the clean motion evaluates the network at the level where the step ends: at level 0 the
        network's error, divided by sigma, would dominate.
        """
        denoiser, count = self.denoiser, inversion.steps
        of, root_of = t // count, root_t // count
        x_t = denoiser.noised(x, of, root_of, torch.zeros_like(x))
        noise = self.noise_of(x_t, denoiser.predict(x_t, of, root_of), of, root_of)
        x_t = denoiser.noised(x, of, root_of, noise)
        for step in range(2, count + 1):
            x0 = denoiser.predict(x_t, of, root_of)
            noise = self.noise_of(x_t, x0, of, root_of)
            of, root_of = t * step // count, root_t * step // count
            x_t = denoiser.noised(x0, of, root_of, noise)
        found = self.noise_of(x_t, x, t, root_t)
        return (1 - inversion.eta**2) ** 0.5 * found + inversion.eta * fresh

    def noise_of(self, x_t: Tensor, x0: Tensor, t: Tensor, root_t: Tensor) -> Float[Tensor, "N L D"]:
        """Noise implied by x_t and x0."""
        alpha, sigma = self.denoiser.level("alpha", t, root_t), self.denoiser.level("sigma", t, root_t)
        return (x_t - alpha * x0) / sigma

    def _predict(self, x_t: Tensor, t: Tensor, root_t: Tensor, x: Tensor, observed: Tensor | None) -> Tensor:
        x0 = self.denoiser.predict(x_t, t, root_t)
        if observed is None:
            return x0
        share = t / (self.denoiser.steps - 1)
        mask = (2 * share - 1).clamp_min(0)[:, None, None] * observed
        return torch.lerp(x0, x, mask)
