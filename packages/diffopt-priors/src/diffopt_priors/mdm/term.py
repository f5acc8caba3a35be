"""The prior as a term of the energy: motion -> features -> windows -> score distillation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffopt_core.data.geometry import leg_length
from diffopt_core.data.skeleton import PARENTS
from diffopt_core.errors import DiffOptError
from diffopt_core.interfaces import Energy, ProblemContext
from diffopt_core.types import Scene
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.cards import MDM_WEIGHTS
from diffopt_priors.configs import MDMConfig
from diffopt_priors.mdm import humanml3d, official, weights
from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.features import embed, kinematics
from diffopt_priors.mdm.network import MDM, TextGuided, read_embedding
from diffopt_priors.mdm.rank import Calibration, rank
from diffopt_priors.mdm.sds import SDS, channel_weight
from diffopt_priors.mdm.spread import Likelihood, unmeasured
from diffopt_priors.mdm.targets import Inversion, observed_channels
from diffopt_priors.mdm.windows import Resampler, Windows, even_length

#: Least number of frames: features are differences of neighbours, and attention needs several.
_FEWEST = 3
#: Default noise levels, if neither the user nor the card gives any.
ANY_LEVEL = (0.02, 0.98)


def bone_offsets(rest_joints: Float[Tensor, "B 24 3"]) -> Float[Tensor, "B 24 3"]:
    """Child minus parent of T-pose joints, m; zero for the pelvis."""
    parents = [0, *PARENTS[1:]]
    return rest_joints - rest_joints[:, parents]


def _load(config: MDMConfig) -> tuple[Denoiser, dict[str, Any]]:
    """Load shipped or published weights, with the text embedding."""
    path = Path(config.weights)
    if path.suffix in official.SUFFIXES:
        stats = None if config.stats is None else Path(config.stats)
        denoiser, card = official.load(path, stats, config.diffusion_steps)
    else:
        for name in ("stats", "diffusion_steps"):
            if getattr(config, name) is not None:
                raise DiffOptError(
                    f"prior.{name}: belongs to published checkpoints ({', '.join(official.SUFFIXES)}); "
                    f"the card of '{config.weights}' contains it already; leave it unset"
                )
        denoiser, card = weights.load(MDM_WEIGHTS.resolve(config.weights))
    if config.text_embedding is not None:
        network = denoiser.network
        if not isinstance(network, MDM) or network.embed_text is None:
            raise DiffOptError(
                f"prior.text_embedding: weights '{config.weights}' were trained without text; leave it unset"
            )
        embedding = read_embedding(Path(config.text_embedding), network.text_dim)
        guided = TextGuided(network, embedding, config.text_scale)
        denoiser.add_module("network", guided)
    return denoiser, card


def levels(config: MDMConfig, card: dict[str, Any]) -> tuple[tuple[float, float], tuple[float, float] | None]:
    """Noise levels of the body and of the path: the user's, else those recommended by the card."""
    advice = card.get("guidance", {})
    if config.timesteps is not None:
        return config.timesteps, config.root_timesteps
    low, high = advice.get("timesteps", ANY_LEVEL)
    path = config.root_timesteps or advice.get("root_timesteps")
    return (low, high), None if path is None else (path[0], path[1])


class MDMPrior:
    """``energy(scene) -> [B]``. Weights are frozen; all index tables are created once, here."""

    def __init__(self, config: MDMConfig, ctx: ProblemContext) -> None:
        denoiser, card = _load(config)
        denoiser.to(ctx.device)
        if config.root_timesteps is not None and not denoiser.two_levels:
            raise DiffOptError(
                f"prior.root_timesteps: weights '{config.weights}' support only one noise level; leave it unset"
            )
        batch, frames = ctx.initial.trans.shape[:2]
        fewest = min(ctx.lengths or (frames,))
        if fewest < _FEWEST:
            raise DiffOptError(f"prior mdm: a clip of {fewest} frames is too short; at least {_FEWEST} are needed")
        self.fps = float(card["fps"])
        self.official = card.get("features") == "humanml3d"
        self.denoiser = denoiser
        self.calibration: Calibration | None = card.get("calibration")
        #: Lower = more like real motion; None for weights without a calibration.
        self.rank: Energy | None = None if self.calibration is None else self._rank
        self.strength = float(config.strength or card.get("guidance", {}).get("strength", 1.0))
        self.noise = ctx.noise
        self.resample = Resampler(frames, ctx.fps, self.fps, ctx.device)
        rest = ctx.rest_joints
        if rest is None and ctx.body is not None:
            rest = ctx.body.rest_joints(ctx.initial.betas)
        if rest is None and self.official:
            raise DiffOptError("prior mdm: official weights need the rest joints of the body; choose a --body")
        reference = denoiser.offsets.expand(batch, 24, 3)
        self.offsets = reference if rest is None else bone_offsets(rest.to(ctx.device)).detach()
        # Leg lengths from bones, independent of the origin of the rest pose.
        self.scale = (leg_length(reference) / leg_length(self.offsets)).view(batch, 1, 1)
        observed = None
        if config.inpaint or config.weighting == "likelihood":
            observed = self.resample.values(observed_channels(ctx.observations, velocities=not self.official))
        frames = self.resample.frames - 1
        lengths = self.resample.steps(ctx.lengths)
        even = (even_length(each, int(card["window"]), config.overlap) for each in lengths or (frames,))
        self.windows = Windows(frames, config.window or min(even), config.overlap, ctx.device, lengths)
        likelihood = None
        if config.weighting == "likelihood":
            shape = (batch * config.noise_samples * self.windows.count, self.windows.length)
            likelihood = Likelihood.of(denoiser, card.get("spread") or unmeasured(denoiser), shape)
        split = None if observed is None else self.windows.split(observed[:, :-1])
        self.observed, self.shown = split if config.inpaint else None, None if likelihood is None else split
        body, path = levels(config, card)
        self.sds = SDS(
            denoiser,
            channel_weight(len(denoiser.mean), config.velocity_weight).to(ctx.device),
            timesteps=body,
            root_timesteps=path,
            schedule=config.schedule,
            weighting=config.weighting,
            form=config.form,
            samples=config.noise_samples,
            target_steps=config.target_steps,
            inversion=Inversion(config.inversion_steps, config.inversion_eta) if config.noise == "inverted" else None,
            likelihood=likelihood,
        )

    def features(self, scene: Scene) -> Float[Tensor, "B K 263"]:
        """Features of the scene's motion at the prior's frame rate, not normalised."""
        phase = self.noise.uniform(()) if self.resample.random_phase else None
        pose, trans = self.resample(scene.motion.pose, scene.motion.trans, phase)
        if self.official:
            joints = kinematics(pose, trans, self.offsets.unsqueeze(1))
            return humanml3d.features(joints[:, :, : humanml3d.NUM_JOINTS])
        return embed(pose, trans * self.scale, self.denoiser.offsets, self.fps)

    def __call__(self, scene: Scene) -> Float[Tensor, "B"]:
        x = self._normalised(scene)
        value = self.sds.loss(x, self.windows.weight, self.noise, scene.progress, self.observed, self.shown)
        return self.strength * value

    def weight(self) -> Float[Tensor, "B T"] | None:
        """Mean weight of each frame (1: full weight); None without likelihood weighting."""
        likelihood = self.sds.likelihood
        if likelihood is None:
            return None
        told = likelihood.told.view(-1, self.sds.samples, self.windows.count, self.windows.length).mean(1)
        return self.resample.back(self.windows.joined(told))

    def _normalised(self, scene: Scene) -> Float[Tensor, "B W L 263"]:
        return self.windows.split(self.denoiser.normalise(self.features(scene)))

    def _rank(self, scene: Scene) -> Float[Tensor, "B"]:
        x = self._normalised(scene)
        assert self.calibration is not None
        return rank(self.denoiser, x, self.windows.weight, self.noise, self.fps, self.calibration)
