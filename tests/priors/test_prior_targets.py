"""Targets beyond one network call: the chain down, the chain up (inversion), soft inpainting."""

from __future__ import annotations

import pytest
import torch
from diffopt_core.data.skeleton import JOINTS, LAYOUTS
from diffopt_core.errors import DiffOptError
from diffopt_core.types import Observations
from diffopt_priors.configs import MDMConfig
from diffopt_priors.mdm import weights
from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.features import CONTACTS, POSITIONS, ROTATIONS, TRAJECTORY, VELOCITIES
from diffopt_priors.mdm.targets import Inversion, Targets, observed_channels, shown_by
from prior_cases import Streams, context, motion, scene, tiny_card
from torch import Tensor


class _Gaussian(Denoiser):
    """The exact denoiser of independent Gaussian channels with standard deviation ``spread`` (float64)."""

    spread: Tensor

    def predict(self, x_t: Tensor, t: Tensor, root_t: Tensor, playback: Tensor | None = None) -> Tensor:
        alpha, sigma = self.level("alpha", t, root_t), self.level("sigma", t, root_t)
        variance = self.spread**2
        return alpha * variance / (alpha**2 * variance + sigma**2) * x_t


def _gaussian() -> _Gaussian:
    torch.manual_seed(0)
    plain = weights.build(tiny_card()).double()
    made = _Gaussian.__new__(_Gaussian)
    made.__dict__.update(plain.__dict__)
    made.spread = torch.linspace(0.3, 1.5, 263, dtype=torch.float64)
    return made


def _x(batch: int = 2, seed: int = 0) -> Tensor:
    return torch.randn(batch, 6, 263, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _levels(t: int, root: int) -> tuple[Tensor, Tensor]:
    return torch.tensor([t, t - 100]), torch.tensor([root, root])


@pytest.mark.parametrize("levels", [(500, 500), (400, 900)])
def test_inverted_noise_leads_back_to_the_motion(levels: tuple[int, int]) -> None:
    denoiser = _gaussian()
    x, (t, root_t) = _x() * denoiser.spread, _levels(*levels)
    errors = []
    for steps in (10, 100):
        targets = Targets(denoiser, steps, Inversion(steps, 0.0))
        errors.append(float((targets(x, t, root_t, torch.zeros_like(x)) - x).norm() / x.norm()))
    assert errors[1] < 0.02 and errors[1] < 0.35 * errors[0]


def test_inverted_noise_is_the_known_solution() -> None:
    """For a Gaussian the deterministic path is x_t = x sqrt(alpha^2 s^2 + sigma^2) / s."""
    denoiser = _gaussian()
    x, (t, root_t) = _x() * denoiser.spread, _levels(500, 700)
    noise = Targets(denoiser).inverted(Inversion(200, 0.0), x, t, root_t, torch.zeros_like(x))
    alpha, sigma = denoiser.level("alpha", t, root_t), denoiser.level("sigma", t, root_t)
    x_t = x * (alpha**2 * denoiser.spread**2 + sigma**2).sqrt() / denoiser.spread
    torch.testing.assert_close(noise, (x_t - alpha * x) / sigma, rtol=0.05, atol=0.05)


def test_share_of_fresh_noise_runs_from_none_to_all() -> None:
    denoiser, (t, root_t) = _gaussian(), _levels(600, 600)
    x, fresh = _x(), _x(seed=1)
    some = [Targets(denoiser).inverted(Inversion(4, eta), x, t, root_t, fresh) for eta in (0.0, 0.3, 1.0)]
    assert torch.equal(some[2], fresh) and not torch.equal(some[0], fresh)
    torch.testing.assert_close(some[1], (1 - 0.3**2) ** 0.5 * some[0] + 0.3 * fresh)
    plain = Targets(denoiser)(x, t, root_t, fresh)
    torch.testing.assert_close(Targets(denoiser, 1, Inversion(4, 1.0))(x, t, root_t, fresh), plain)


def test_a_chain_down_ends_nearer_to_a_sample() -> None:
    """One step gives the mean of all motions that fit; many steps give one of them, as large as motions are."""
    denoiser, (t, root_t) = _gaussian(), _levels(950, 950)
    x = torch.zeros(2, 6, 263, dtype=torch.float64)
    one, many = (Targets(denoiser, n)(x, t, root_t, _x(seed=2)) for n in (1, 40))
    assert many.norm() > 3 * one.norm()
    assert 0.7 < float((many / denoiser.spread).std()) < 1.1


@pytest.mark.parametrize("steps", [1, 4])
def test_seen_channels_stay_at_high_noise_and_move_at_low(steps: int) -> None:
    denoiser, x, eps = _gaussian(), _x(), _x(seed=3)
    observed = torch.zeros_like(x)
    observed[..., 50:60] = 1.0
    for level, kept in ((999, 1.0), (749, 0.5), (499, 0.0)):
        t = torch.full((2,), level)
        plain = Targets(denoiser)(x, t, t, eps)
        blended = Targets(denoiser, steps)(x, t, t, eps, observed)
        if steps == 1:
            share = 2 * level / 999 - 1 if kept else 0.0
            torch.testing.assert_close(blended[..., 50:60], torch.lerp(plain, x, share)[..., 50:60])
            torch.testing.assert_close(blended[..., :50], plain[..., :50])
        else:
            untouched = Targets(denoiser, steps)(x, t, t, eps)
            gain = (untouched - x)[..., 50:60].norm() - (blended - x)[..., 50:60].norm()
            assert gain > 0 if kept else gain == 0


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_keypoints_show_joints_of_their_name(layout: str) -> None:
    shown = dict(zip(JOINTS, shown_by(layout), strict=False))
    names = LAYOUTS[layout]
    for joint in ("left_knee", "right_elbow", "left_ankle", "right_shoulder"):
        assert names[shown[joint]] == joint
    if layout != "smpl24":
        assert names[shown["head"]] == "nose" and shown["spine2"] is None
    if layout in ("openpose25", "blazepose33"):
        assert names[shown["left_foot"]] in ("left_big_toe", "left_foot_index")


def test_confidence_reaches_the_joints_channels_only() -> None:
    keypoints = torch.zeros(2, 4, 17, 3)
    knee = LAYOUTS["coco17"].index("left_knee")
    keypoints[..., knee, 2] = torch.tensor([0.2, 0.5, 0.9, 1.0])
    valid = torch.tensor([[True, True, True, False]] * 2)
    mask = observed_channels(Observations(keypoints, "coco17", valid), velocities=True)
    joint = JOINTS.index("left_knee") - 1
    on = torch.zeros(263, dtype=torch.bool)
    on[POSITIONS.start + 3 * joint : POSITIONS.start + 3 * joint + 3] = True
    on[ROTATIONS.start + 6 * joint : ROTATIONS.start + 6 * joint + 6] = True
    on[VELOCITIES.start + 3 * (joint + 1) : VELOCITIES.start + 3 * (joint + 2)] = True
    assert mask[..., ~on].sum() == 0
    torch.testing.assert_close(mask[..., on], torch.tensor([0.2, 0.5, 0.9, 0.0])[:, None].expand(2, 4, 12))
    everything = observed_channels(Observations(torch.ones(1, 1, 24, 3), "smpl24", valid[:1, :1]), velocities=True)
    assert everything[..., list(TRAJECTORY)].sum() == 0 and everything[..., :4].sum() == 0
    assert everything[..., CONTACTS].sum() == 0 and everything[..., 194].sum() == 0
    official = observed_channels(Observations(torch.ones(1, 1, 24, 3), "smpl24", valid[:1, :1]), velocities=False)
    assert official[..., VELOCITIES].sum() == 0 and official[..., POSITIONS].eq(1).all()


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(DiffOptError, match=r"prior\.inpaint: keypoint layout 'stick3'.*coco17"):
        shown_by("stick3")


@pytest.mark.parametrize("fps", [30.0, 25.0, 60.0])
def test_the_term_takes_every_setting_at_once(tmp_path, fps: float) -> None:
    torch.manual_seed(1)
    card = tiny_card()
    path = tmp_path / "tiny.safetensors"
    denoiser = weights.build(card)
    weights.save(path, denoiser.state_dict(), card)
    pose, trans = motion(2, 60)
    trans = trans.requires_grad_()
    config = MDMConfig(
        weights=str(path),
        inpaint=True,
        noise="inverted",
        inversion_steps=2,
        target_steps=2,
        noise_samples=2,
        root_timesteps=(0.7, 1.0),
        schedule="truncated",
    )
    energy = config.build(context(pose, trans, Streams([1, 2]), fps))
    energy(scene(pose, trans, 0.5)).sum().backward()
    assert trans.grad is not None and trans.grad.isfinite().all() and trans.grad.abs().sum() > 0
