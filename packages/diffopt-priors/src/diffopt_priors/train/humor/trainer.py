"""A HuMoR training run, and what a checkpoint can do on held-out motion.

That is one step, a second of rollout, and telling real from spoiled. See :mod:`diffopt_core.host.train.loop` for what a
run keeps and when it ends.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.skeleton import PARENTS
from diffopt_core.errors import BadInput
from diffopt_core.host.train import shards, windows
from diffopt_core.host.train.shards import Clips
from diffopt_core.host.train.trainer import NetworkTraining
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.configs import HuMoRConfig
from diffopt_priors.humor import weights
from diffopt_priors.humor.energy import energy_parts, weighed
from diffopt_priors.humor.network import NUM_JOINTS, ROTATIONS, SIZES, STATE, HuMoR, kl
from diffopt_priors.humor.states import Frame, frame_of, into, out_of, part, pivot_of, rollout, states, transitions
from diffopt_priors.report.held import CORRUPTIONS, held_of
from diffopt_priors.report.ranking import area, paired
from diffopt_priors.train.humor import objective
from diffopt_priors.train.humor.objective import Rows, Statistics
from diffopt_priors.train.settings import HuMoRSettings

#: Frames of a held-out window, and of the rollout that is measured (1 s at 30 fps).
_WINDOW, _ROLLOUT = 60, 30
_DEFAULTS = HuMoRConfig()


def _joints(state: Tensor, rest: Tensor) -> Tensor:
    """Joints by kinematics of a state's pose, m."""
    pose = torch.cat([part(state, name) for name in ROTATIONS], -1).unflatten(-1, (NUM_JOINTS, 3, 3))
    _, where = forward_kinematics(pose, rest[:NUM_JOINTS], PARENTS[:NUM_JOINTS])
    return where + part(state, "trans").unsqueeze(-2)


def window_energy(
    model: HuMoR, pose: Tensor, root: Tensor, rest: Tensor, fps: float, scales: Tensor
) -> dict[str, Tensor]:
    """Parts of the energy and its total under the defaults of ``prior/humor``; mean of each window, ``[B]``."""
    past, after = transitions(states(pose, root, rest.expand(len(pose), 24, 3), fps, root.new_zeros(3)))
    parts = energy_parts(model, past.flatten(0, 1), after.flatten(0, 1), scales=scales, fps=fps)
    found = parts._asdict() | {"total": weighed(parts, _DEFAULTS)}
    return {name: value.unflatten(0, past.shape[:2]).mean(1) for name, value in found.items()}


@torch.no_grad()
def report(model: HuMoR, clips: Clips, offsets: Float[Tensor, "24 3"], scales: dict[str, float]) -> dict[str, Any]:
    """Quality on the windows of one shard.

    ``one_step_mm``: mean joint error of the next frame, from the posterior's and from the prior's mean, beside that of
    repeating the last frame. ``rollout``: mean joint and root error after 1 s of the prior's mean, mm. ``auc``: spoiled
    windows against all real ones; ``paired``: against the window that they were made from.
    """
    held = held_of({"held": clips}, offsets, _WINDOW)
    (pose, root), rest = held.windows(), held.rest_joints()
    unit = torch.tensor([scales[name] for name in SIZES])
    sequence = states(pose, root, rest.expand(len(pose), 24, 3), clips.fps, torch.zeros(3))[:, 1:-1]
    past, after = (x.flatten(0, 1) for x in transitions(sequence))
    posterior, prior = model.posterior(past, after), model.prior(past)
    true = _joints(after, rest)

    def error(state: Tensor) -> float:
        return round(1000 * float((_joints(state, rest) - true).norm(dim=-1).mean()), 3)

    by_posterior, logits = model.decode(posterior.mean, past)
    one_step = {
        "posterior": error(by_posterior),
        "prior": error(model.decode(prior.mean, past)[0]),
        "repeated": error(past),
    }
    first, later = transitions(sequence)[0][:, 0], sequence
    rolled = rollout(model, first, _ROLLOUT).states[:, -1]
    aligned = _in_first_frame(later)[:, _ROLLOUT]
    off = (_joints(rolled, rest) - _joints(aligned, rest)).norm(dim=-1)
    real = window_energy(model, pose, root, rest, clips.fps, unit)
    aucs: dict[str, dict[str, float]] = {name: {} for name in ("total", "transition", "consistency")}
    own: dict[str, float] = {}
    generator = torch.Generator().manual_seed(1)
    for name, corruption in CORRUPTIONS.items():
        usable = corruption.usable(held).nonzero().squeeze(1)
        if len(usable):
            wrong = window_energy(model, *corruption.apply(held.some(usable), generator), rest, clips.fps, unit)
            for key, found in aucs.items():
                found[name] = round(area(real[key], wrong[key]), 4)
            own[name] = round(paired(real["total"][usable], wrong["total"]), 4)
    return {
        "windows": len(pose),
        "kl": round(float(kl(posterior, prior).sum(1).mean()), 3),
        "one_step_mm": one_step,
        "rollout_1s_mm": {
            "joints": round(1000 * float(off.mean()), 1),
            "root": round(1000 * float(off[:, 0].mean()), 1),
        },
        "contact_share": round(float((logits > 0).float().mean()), 4),
        "energy": {name: round(float(value.mean()), 4) for name, value in real.items()},
        "auc": aucs["total"],
        "auc_transition": aucs["transition"],
        "auc_consistency": aucs["consistency"],
        "paired": own,
    }


def _in_first_frame(sequence: Tensor) -> Tensor:
    """A sequence in the canonical frame of its first state."""
    pivot = pivot_of(sequence[:, :1])
    frame = frame_of(sequence[:, :1], pivot)
    length = sequence.shape[1]
    return into(sequence, Frame(*(x.expand(-1, length, *x.shape[2:]) for x in frame)))


#: Frames of a window beyond its transitions: one more state, and one on each side for central differences.
_MORE = 3


def hidden(width: int) -> dict[str, list[int]]:
    """Hidden layers in the proportions of the published model (width 1024)."""
    return {"encoder": [width] * 4, "prior_net": [width] * 4, "decoder": [width, width, width // 2]}


class HuMoRTraining(NetworkTraining):
    """The networks see normalised states; what is exported takes plain ones."""

    name = "humor"
    settings_type = HuMoRSettings
    held = ("offsets", "statistics")
    network: HuMoR

    def __init__(
        self, settings: HuMoRSettings, clips: Clips, validation: list[Path], offsets: Tensor,
        statistics: dict[str, Tensor],
    ) -> None:  # fmt: skip
        self.clips, self.offsets, self.statistics = clips, offsets, statistics
        self.units = Statistics(**statistics)
        self.validation = {path.stem: shards.read([path]) for path in validation}
        super().__init__(settings, clips.files, [path.name for path in validation])

    def build(self) -> HuMoR:
        return HuMoR(hidden(self.settings.width))

    def losses(self) -> dict[str, Tensor]:
        s = self.settings
        generator = torch.Generator().manual_seed((s.seed * 10_000_019 + self.step_index) * 10)
        own = self.step_index >= s.rollout_from and float(torch.rand(1, generator=generator)) < s.rollout_share
        examples = examples_of(self.clips, self.offsets, s, generator, self._own_states if own else None)
        noise = torch.randn(len(examples.past), self.network.latent, generator=generator)
        out = objective.forward(self.network, self.units, examples.past, examples.after, noise)
        kl_weight = s.kl_weight * min(1.0, self.step_index / max(1, s.kl_anneal))
        total, parts = objective.loss(out, examples, self.units, s, kl_weight)
        return {"loss": total, **parts}

    @torch.no_grad()
    def _own_states(self, sequence: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Pairs whose first is the model's own last state and whose second is the true one (scheduled sampling)."""
        pivot, state = pivot_of(sequence[:, 0]), sequence[:, 0]
        pairs = []
        for s in range(sequence.shape[1] - 1):
            frame = frame_of(state, pivot)
            past, after = into(state, frame), into(sequence[:, s + 1], frame)
            pairs.append((past, after))
            noise = torch.randn(len(past), self.network.latent, generator=generator)
            state = out_of(objective.forward(self.network, self.units, past, after, noise).decoded, frame)
        return torch.stack([p for p, _ in pairs], 1), torch.stack([a for _, a in pairs], 1)

    def folded(self) -> HuMoR:
        """The averaged networks as they are used: they take plain states."""
        model = self.build()
        model.load_state_dict(objective.fold(self.average, self.units))
        return model.eval().requires_grad_(False)

    def evaluate(self) -> dict[str, Any]:
        """Held-out quality by shard."""
        model, scales = self.folded(), objective.scales_of(self.units)
        return {name: report(model, clips, self.offsets, scales) for name, clips in self.validation.items()}

    def export(self, path: Path, report: dict[str, Any]) -> None:
        """Averaged weights under the published names, and the card."""
        card = {
            **self.card(path, report),
            "fps": self.clips.fps,
            "root_offset": [0.0, 0.0, 0.0],
            "scales": objective.scales_of(self.units),
            "state": STATE,
            "skeleton": {"offsets": self.offsets.tolist()},
        }
        weights.save(path, objective.fold(self.average, self.units), card)


def examples_of(
    clips: Clips, offsets: Tensor, settings: HuMoRSettings, generator: torch.Generator, own: Any = None
) -> Rows:
    """Rows of augmented windows: mirrored, at another speed, on other bodies; yaw drops out of canonical states."""
    frames = settings.transitions + _MORE
    pose, root = windows.draw(clips, settings.windows, frames, generator)
    rest, legs = objective.bodies(offsets, len(pose), settings.proportions, generator)
    found, contacts = objective.sequences(pose, root * legs, rest, clips.fps)
    examples = objective.rows(found, contacts, rest)
    if own is None:
        return examples
    past, after = own(found, generator)
    return examples._replace(past=past.flatten(0, 1), after=after.flatten(0, 1))


def fresh(
    settings: HuMoRSettings, clips: Clips, validation: list[Path], offsets: Tensor, draws: int = 60
) -> HuMoRTraining:
    """New run; statistics from ``draws`` batches of the training distribution."""
    needed, longest = windows.reach_of(settings.transitions + _MORE), int(clips.length.max())
    if longest < needed:
        problem = f"the longest clip has {longest} frames; {settings.transitions} transitions per window need {needed}"
        raise BadInput(", ".join(clips.files), "starts", problem)
    generator = torch.Generator().manual_seed(settings.seed)
    many = [examples_of(clips, offsets, settings, generator) for _ in range(draws)]
    statistics = objective.measure(Rows(*(torch.cat(column) for column in zip(*many, strict=True))))
    return HuMoRTraining(settings, clips, validation, offsets, statistics._asdict())
