"""What HuMoR is trained to do (Rempe et al. 2021, eq. 6 to 11), on states of motion shards with augmented bodies."""

from __future__ import annotations

from typing import NamedTuple

import torch
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.rotation import matrix_to_axis_angle
from diffopt_core.data.skeleton import PARENTS
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.humor.energy import contact_points
from diffopt_priors.humor.network import (
    CHANGE,
    CHANGE_SLICES,
    CONTACT_JOINTS,
    NUM_JOINTS,
    RAW,
    ROTATIONS,
    SIZES,
    SLICES,
    STATE,
    Gaussian,
    HuMoR,
    apply_change,
    kl,
)
from diffopt_priors.humor.states import part, rate, states, transitions
from diffopt_priors.train.settings import HuMoRSettings

#: A joint slower than this (m/s) and lower than its height (m) is in contact. Feet rise 2 cm from where their joints
#: stand, ankles stand at 5 cm; the pelvis is never in contact, as in the published data.
CONTACT_SPEED = 0.5
_CONTACT_HEIGHT = (-1.0, 0.08, 0.08, 0.10, 0.10, 0.04, 0.04, 0.08, 0.08)
_LEGS, _TRUNK = (1, 2, 4, 5, 7, 8, 10, 11), (3, 6, 9, 12, 15)


class Rows(NamedTuple):
    """Training examples: canonical pairs ``[N 339]``, contacts after ``[N 9]``, T-pose of each body ``[N 22 3]``."""

    past: Tensor
    after: Tensor
    contacts: Tensor
    rest: Tensor


#: Least spread, so that what is constant in the data (in the plane, on one floor) is not blown up by rounding.
_SMALLEST = 1e-4


class Statistics(NamedTuple):
    """Between raw and unit numbers: ``(state - mean) / std``, differences / ``step``, decoder times ``change``."""

    mean: Tensor  # 339
    std: Tensor  # 339
    step: Tensor  # 339
    change: Tensor  # 216


def bodies(
    offsets: Float[Tensor, "24 3"], count: int, half: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """T-pose joints ``[count 24 3]`` with legs, arms and trunk of other lengths, and the legs' factor ``[count 1 1]``.

    The same on both sides. Legs scale as a whole, with the hips: the pelvis' height scales with them.
    """
    legs, trunk, arms = (1 + half * (2 * torch.rand(3, count, 1, 1, generator=generator) - 1)).unbind(0)
    factor = arms.expand(count, len(PARENTS), 1).clone()
    factor[:, list(_LEGS)], factor[:, list(_TRUNK)] = legs, trunk
    scaled = offsets * factor
    joints = [torch.zeros(count, 3)]
    for joint, parent in enumerate(PARENTS[1:], start=1):
        joints.append(joints[parent] + scaled[:, joint])
    return torch.stack(joints, 1), legs


def sequences(pose: Tensor, root: Tensor, rest: Tensor, fps: float) -> tuple[Tensor, Tensor]:
    """States ``[B T-2 339]`` (true central differences only) and contacts ``[B T-2 9]`` of windows of motion."""
    found = states(pose, root, rest, fps, root.new_zeros(3))
    points = contact_points(found.flatten(0, 1)).unflatten(0, found.shape[:2])
    slow = rate(points, fps).norm(dim=-1) < CONTACT_SPEED
    low = points[..., 2] < points.new_tensor(_CONTACT_HEIGHT)
    return found[:, 1:-1], (slow & low)[:, 1:-1].to(found.dtype)


def rows(sequence: Tensor, contacts: Tensor, rest: Tensor) -> Rows:
    """All transitions of windows, as training examples."""
    past, after = transitions(sequence)
    bodies_of = rest[:, None, :NUM_JOINTS].expand(-1, past.shape[1], -1, -1)
    return Rows(past.flatten(0, 1), after.flatten(0, 1), contacts[:, 1:].flatten(0, 1), bodies_of.flatten(0, 1))


def true_change(past: Float[Tensor, "N 339"], after: Float[Tensor, "N 339"]) -> Float[Tensor, "N 207"]:
    """The change that the decoder should give; inverse of :func:`apply_change`."""
    parts = []
    for name in SIZES:
        a, b = past[:, SLICES[name]], after[:, SLICES[name]]
        if name in ROTATIONS:
            turn = b.unflatten(1, (-1, 3, 3)) @ a.unflatten(1, (-1, 3, 3)).mT
            parts.append(matrix_to_axis_angle(turn).flatten(1))
        else:
            parts.append(b - a)
    return torch.cat(parts, 1)


def measure(examples: Rows) -> Statistics:
    """Statistics of many rows. A number that hardly moves gets a share of its part's spread: nothing is blown up."""

    def spread(x: Tensor, slices: dict[str, slice], least: float) -> Tensor:
        out = x.square().mean(0).sqrt()
        for where in slices.values():
            out[where] = out[where].clamp_min(least * float(out[where].square().mean().sqrt()) + _SMALLEST)
        return out

    mean = examples.past.mean(0)
    change = torch.ones(RAW)
    change[:CHANGE] = spread(true_change(examples.past, examples.after), CHANGE_SLICES, 0.2)
    std = spread(examples.past - mean, SLICES, 0.3)
    return Statistics(mean, std, spread(examples.after - examples.past, SLICES, 0.2), change)


def scales_of(statistics: Statistics) -> dict[str, float]:
    """Root mean square change per frame of each part of the state: the unit of the energy's residual."""
    return {name: float(statistics.step[SLICES[name]].square().mean().sqrt()) for name in SIZES}


class Output(NamedTuple):
    """A pass through the networks: distributions, change in units of :class:`Statistics`, decoded state, logits."""

    posterior: Gaussian
    prior: Gaussian
    unit: Tensor
    decoded: Tensor
    contacts: Tensor


def forward(model: HuMoR, s: Statistics, past: Tensor, after: Tensor, noise: Tensor) -> Output:
    """``model`` works on unit numbers here; :func:`fold` makes it one that takes plain states."""
    x = (past - s.mean) / s.std
    posterior, prior = model.posterior(x, (after - past) / s.step), model.prior(x)
    z = posterior.mean + posterior.variance.sqrt() * noise
    raw = model.change(z, x)
    decoded = apply_change((raw * s.change)[:, :CHANGE], past)
    return Output(posterior, prior, raw[:, :CHANGE], decoded, raw[:, CHANGE:])


def loss(out: Output, examples: Rows, s: Statistics, settings: HuMoRSettings, kl_weight: float) -> tuple[Tensor, dict]:
    """Weighted sum, and its detached parts."""
    wrong = (out.unit - true_change(examples.past, examples.after) / s.change[:CHANGE]).square()
    reconstruction = torch.stack([wrong[:, where].mean() for where in CHANGE_SLICES.values()]).mean()
    nats = kl(out.posterior, out.prior).sum(1).mean()

    # eq. 9: joints by kinematics of the decoded pose are the true ones, and those that the decoder gives beside it
    pose = torch.cat([part(out.decoded, name) for name in ROTATIONS], 1).unflatten(1, (NUM_JOINTS, 3, 3))
    _, where = forward_kinematics(pose, examples.rest, PARENTS[:NUM_JOINTS])
    joints = where + part(out.decoded, "trans").unsqueeze(1)
    unit = s.step[SLICES["joints"]].square().mean()
    given, true = (part(state, "joints").unflatten(1, (NUM_JOINTS, 3)) for state in (out.decoded, examples.after))
    body = ((joints - true).square().mean() + (joints - given).square().mean()) / unit

    # eq. 10 and 11
    contacts = torch.nn.functional.binary_cross_entropy_with_logits(out.contacts, examples.contacts)
    velocity = part(out.decoded, "joints_vel").unflatten(1, (NUM_JOINTS, 3))[:, list(CONTACT_JOINTS)]
    sliding = (out.contacts.sigmoid() * velocity.square().sum(-1)).mean()
    total = (
        reconstruction
        + kl_weight * nats
        + settings.body_weight * body
        + settings.contact_weight * contacts
        + settings.contact_speed_weight * sliding
    )
    parts = {"reconstruction": reconstruction, "kl": nats, "body": body, "contacts": contacts, "sliding": sliding}
    return total, {key: value.detach() for key, value in parts.items()}


def fold(state: dict[str, Tensor], s: Statistics) -> dict[str, Tensor]:
    """Weights that take plain states: the statistics, which are linear, go into the first and last layers."""
    out = {key: value.detach().clone() for key, value in state.items()}
    unit, step = out["encoder.net.0.weight"][:, :STATE] / s.std, out["encoder.net.0.weight"][:, STATE:] / s.step
    out["encoder.net.0.weight"] = torch.cat([unit - step, step], 1)
    out["encoder.net.0.bias"] -= unit @ s.mean
    for net in ("prior_net", "decoder"):
        weight = out[f"{net}.net.0.weight"]
        plain = weight[:, :STATE] / s.std
        out[f"{net}.net.0.bias"] -= plain @ s.mean
        out[f"{net}.net.0.weight"] = torch.cat([plain, weight[:, STATE:]], 1)
    last = max((key for key in out if key.startswith("decoder.net.")), key=lambda key: int(key.split(".")[2]))
    stem = last.rsplit(".", 1)[0]
    out[f"{stem}.weight"] = out[f"{stem}.weight"] * s.change[:, None]
    out[f"{stem}.bias"] = out[f"{stem}.bias"] * s.change
    return out
