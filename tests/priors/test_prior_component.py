"""``prior/mdm`` as the host sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from diffopt_core.errors import BadInput, DiffOptError, MissingResource
from diffopt_priors import plugin
from diffopt_priors.cards import MDM_WEIGHTS
from diffopt_priors.configs import MDMConfig
from diffopt_priors.mdm import weights
from prior_cases import OFFSETS, Streams, context, motion, rest_joints, scene, tiny_card
from pydantic import ValidationError


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    """A small random weight file."""
    torch.manual_seed(1)
    card = tiny_card()
    path = tmp_path / "tiny.safetensors"
    weights.save(path, weights.build(card).state_dict(), card)
    return str(path)


@pytest.mark.parametrize("fps", [30.0, 25.0, 60.0])
def test_energy_is_one_number_a_clip_with_finite_gradients(tiny: str, fps: float) -> None:
    pose, trans = motion(2, 50)
    pose, trans = pose.requires_grad_(), trans.requires_grad_()
    energy = MDMConfig(weights=tiny).build(context(pose, trans, Streams([1, 2]), fps))
    value = energy(scene(pose, trans))
    assert value.shape == (2,) and (value > 0).all()
    value.sum().backward()
    for leaf in (pose, trans):
        assert leaf.grad is not None and leaf.grad.isfinite().all() and leaf.grad.abs().sum() > 0


def test_windows_solved_together_equal_windows_solved_alone(tiny: str) -> None:
    pose, trans = motion(3, 40)
    rest = torch.stack([OFFSETS * s for s in (0.9, 1.0, 1.2)])
    config = MDMConfig(weights=tiny, root_timesteps=(0.8, 1.0), noise_samples=2)
    together = config.build(context(pose, trans, Streams([4, 5, 6]), 50.0, rest))(scene(pose, trans))
    for i in range(3):
        part = slice(i, i + 1)
        ctx = context(pose[part], trans[part], Streams([4 + i]), 50.0, rest[part])
        torch.testing.assert_close(config.build(ctx)(scene(pose[part], trans[part])), together[part])


def test_a_larger_body_maps_onto_the_same_features(tiny: str) -> None:
    pose, trans = motion(1, 20)
    rest = rest_joints()
    found = []
    for size in (1.0, 1.25):
        # A rest pose whose pelvis is not the origin: only bones count.
        ctx = context(pose, size * trans, Streams([0]), rest=(size * rest + 0.1)[None])
        found.append(MDMConfig(weights=tiny).build(ctx).features(scene(pose, size * trans)))
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=1e-5)


def test_absent_weights_say_what_and_where() -> None:
    with pytest.raises(MissingResource, match=r"mdm_nope\.safetensors.*diffopt train mdm"):
        MDM_WEIGHTS.resolve("nope")


def _damage(path: Path, how: str) -> None:
    card = json.loads(path.with_suffix(".json").read_text())
    if how == "broken card":
        path.with_suffix(".json").write_text("{")
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[:2000])
    elif how == "not safetensors":
        path.write_bytes(b"weights" * 99)
    else:
        changes = {"format": {"format": 1}, "shape": {"network": {**card["network"], "width": 24}}}
        changes |= {"schedule": {"diffusion": {"steps": 10}}, "option": {"network": {"breadth": 3}}}
        path.with_suffix(".json").write_text(json.dumps(card | changes[how]))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("broken card", r"tiny\.json: JSON: cannot be read .*card of the weights"),
        ("truncated", r"tiny\.safetensors: file: cannot be read .*truncated, or no safetensors"),
        ("not safetensors", r"tiny\.safetensors: file: cannot be read .*truncated, or no safetensors"),
        ("format", r"tiny\.json: format: is 1; expected"),
        ("shape", r"tiny\.safetensors: network: .*wrong shapes \(\d+\): network\."),
        ("schedule", r"tiny\.json: schedule: missing"),
        ("option", r"tiny\.json: network: does not describe such a network \(.*breadth"),
    ],
)
def test_broken_weights_name_file_and_key(tiny: str, how: str, message: str) -> None:
    path = Path(tiny)
    _damage(path, how)
    with pytest.raises(BadInput, match=message) as caught:
        weights.load(path)
    assert "\n" not in str(caught.value) and "diffopt train" in str(caught.value)


@pytest.mark.parametrize(
    "options", [{"timesteps": (0.9, 0.1)}, {"form": "other"}, {"noise_samples": 0}, {"timestep": (0, 1)}]
)
def test_settings_are_checked(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MDMConfig.model_validate(options)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in MDMConfig.model_fields.values())


def test_listing_needs_no_torch() -> None:
    code = (
        "import sys; from diffopt_priors import plugin; import typer;"
        "names = [c.name for c in plugin.diffopt_components()];"
        "plugin.diffopt_commands(typer.Typer());"
        "import diffopt_priors.configs;"
        "assert 'mdm' in names and 'torch' not in sys.modules, sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_components_point_at_configs() -> None:
    assert "MDMConfig" in {c.config.split(":")[1] for c in plugin.diffopt_components()}


@pytest.mark.parametrize(("frames", "fps"), [(3, 30.0), (4, 30.0), (4, 100.0), (9, 24.0)])
def test_very_short_clips_work(tiny: str, frames: int, fps: float) -> None:
    pose, trans = motion(1, frames)
    energy = MDMConfig(weights=tiny).build(context(pose, trans, Streams([1]), fps))
    assert energy(scene(pose, trans)).isfinite().all()


def test_too_short_clips_are_refused(tiny: str) -> None:
    pose, trans = motion(1, 2)
    with pytest.raises(DiffOptError, match="too short"):
        MDMConfig(weights=tiny).build(context(pose, trans, Streams([1])))


def test_noise_levels_are_the_users_else_the_cards_else_any() -> None:
    from diffopt_priors.mdm.term import ANY_LEVEL, levels

    card = {"guidance": {"timesteps": [0.3, 0.9], "root_timesteps": [0.8, 0.9]}}
    assert levels(MDMConfig(), card) == ((0.3, 0.9), (0.8, 0.9))
    assert levels(MDMConfig(), {}) == (ANY_LEVEL, None)
    assert levels(MDMConfig(timesteps=(0.1, 0.2)), card) == ((0.1, 0.2), None), "eq. 1: one level for all"
    assert levels(MDMConfig(root_timesteps=(0.5, 1.0)), card) == ((0.3, 0.9), (0.5, 1.0))
