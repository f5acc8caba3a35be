"""HuMoR against outputs of the published code (davrempe/humor, MIT) with random weights."""

from __future__ import annotations

import json

import pytest
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_priors.humor import states
from diffopt_priors.humor.network import CONTACT_JOINTS, SIZES, SLICES, Gaussian, HuMoR, hidden_of
from diffopt_priors.humor.states import rollout, transitions
from diffopt_priors.train.humor.trainer import hidden
from goldens import HERE, golden
from torch import Tensor

data = golden("humor_small.npz")


@pytest.fixture(scope="module")
def model(data: dict[str, Tensor]) -> HuMoR:
    state = {key.removeprefix("sd/"): value for key, value in data.items() if key.startswith("sd/")}
    made = HuMoR(hidden_of(state), latent=data["z"].shape[-1])
    made.load_state_dict(state)
    return made.eval().requires_grad_(False)


def rounded_turn(orient: Tensor) -> Tensor:
    """The heading as the published code rounds it: an arc cosine, with 1e-6 added to the length. Near a canonical
    heading that is off by up to 1.4e-3 rad, which is the whole difference to ``heading_turn``."""
    right = -orient[..., :, 0]
    angle = torch.arccos((right[..., 0] / (right[..., :2].norm(dim=-1) + 1e-6)).clamp(-1, 1))
    flat = torch.cat([right[..., :2], torch.zeros_like(right[..., 2:])], -1)
    axis = torch.linalg.cross(flat, torch.tensor([1.0, 0.0, 0.0]).expand_as(flat))
    axis = axis / (axis.norm(dim=-1, keepdim=True) + 1e-6)
    return axis_angle_to_matrix(axis * angle[..., None])


@pytest.fixture(params=["published rounding", "exact"])
def tolerance(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    """The absolute difference to expect where headings are taken."""
    if request.param == "exact":
        return 2e-3
    monkeypatch.setattr(states, "heading_turn", rounded_turn)
    return 3e-5  # rounding differs between builds of torch


def close(found: Tensor, true: Tensor, tolerance: float = 4e-6) -> None:
    """Relative to the largest number."""
    torch.testing.assert_close(found / true.abs().max(), true / true.abs().max(), rtol=0, atol=tolerance)


def test_networks(model: HuMoR, data: dict[str, Tensor]) -> None:
    prior, posterior = model.prior(data["past"]), model.posterior(data["past"], data["next"])
    close(prior.mean, data["prior_mean"])
    close(prior.variance, data["prior_var"])
    close(posterior.mean, data["post_mean"])
    close(posterior.variance, data["post_var"])
    close(model.change(data["z"], data["past"]), data["decoder_raw"])


def test_decoded_state_and_its_parts(model: HuMoR, data: dict[str, Tensor]) -> None:
    state, contacts = model.decode(data["z"], data["past"])
    close(torch.cat([state, contacts], 1), data["decoded"])
    for name in SIZES:
        close(states.part(state, name), data[f"split/{name}"])
    close(contacts, data["split/contacts"])


def test_heading(data: dict[str, Tensor]) -> None:
    turn = states.heading_turn(data["align/root_orient"])
    close(turn, data["align/world2aligned"], 2e-5)
    close(rounded_turn(data["align/root_orient"]), data["align/world2aligned"])


def test_rollout_of_given_latents(
    model: HuMoR, data: dict[str, Tensor], tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = iter(data["z_seq"].unbind(1))
    prior = model.prior
    with monkeypatch.context() as told:
        told.setattr(model, "prior", lambda past: prior(past)._replace(mean=next(given)))
        found = rollout(model, data["past"], data["z_seq"].shape[1])
    for name in SIZES:
        close(states.part(found.states, name), data[f"rollout/{name}"], tolerance)
    close(found.contacts, data["rollout/contacts"], tolerance)


def test_rollout_of_the_priors_mean(model: HuMoR, data: dict[str, Tensor], tolerance: float) -> None:
    found = rollout(model, data["past"], data["z_seq"].shape[1])
    for name in ("trans", "joints"):
        close(states.part(found.states, name), data[f"rollout_mean/{name}"], tolerance)
    close(found.prior.mean, data["rollout_mean/prior_mean"], tolerance)
    close(found.prior.variance, data["rollout_mean/prior_var"], tolerance)


def test_inference_of_a_sequence(model: HuMoR, data: dict[str, Tensor], tolerance: float) -> None:
    past, after = transitions(torch.cat([data[f"rollout/{name}"] for name in SIZES], 2))
    prior, posterior = (
        Gaussian(*(x.unflatten(0, past.shape[:2]) for x in found))
        for found in (model.prior(past.flatten(0, 1)), model.posterior(past.flatten(0, 1), after.flatten(0, 1)))
    )
    # a random network makes up to 3e-3 of the published rounding of headings
    close(prior.mean, data["infer/prior_mean"], 2 * tolerance)
    close(prior.variance, data["infer/prior_var"], 2 * tolerance)
    close(posterior.mean, data["infer/post_mean"], 2 * tolerance)
    close(posterior.variance, data["infer/post_var"], 2 * tolerance)


def test_names_and_shapes_of_the_published_model() -> None:
    keys = json.loads((HERE / "humor_keys.json").read_text())
    state = HuMoR(hidden(1024)).state_dict()
    assert {key: list(value.shape) for key, value in state.items()} == {
        key: shape for key, (shape, _) in keys["state_dict"].items()
    }
    assert list(SIZES) == keys["state_order_input"] and list(SIZES.values()) == keys["input_dims"]
    assert list(CONTACT_JOINTS) == keys["contact_indices"]
    assert SLICES["joints_vel"].stop == keys["input_dim_total"]
