"""What a HuMoR checkpoint can do, on held-out motion: one step, a second of rollout, and telling real from spoiled."""

from __future__ import annotations

from typing import Any

import torch
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.skeleton import PARENTS
from diffopt_core.host.train.shards import Clips
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.humor.config import HuMoRConfig
from diffopt_priors.humor.energy import energy_parts, weighed
from diffopt_priors.humor.network import NUM_JOINTS, ROTATIONS, SIZES, HuMoR, kl
from diffopt_priors.humor.states import Frame, frame_of, into, part, pivot_of, rollout, states, transitions
from diffopt_priors.report.held import CORRUPTIONS, held_of
from diffopt_priors.report.ranking import area, paired

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
