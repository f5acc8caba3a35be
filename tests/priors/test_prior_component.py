"""``prior/mdm`` as the host sees it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from diffopt_core.errors import BadInput, DiffOptError, MissingResource
from diffopt_priors import plugin
from diffopt_priors.mdm import official, weights
from diffopt_priors.mdm.config import MDMConfig
from diffopt_priors.mdm.network import MDM
from prior_cases import OFFSETS, Streams, context, motion, rest_joints, scene, tiny_card
from pydantic import ValidationError


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    """A small random weight file."""
    torch.manual_seed(1)
    card = tiny_card()
    path = tmp_path / "tiny.safetensors"
    weights.save(path, weights.build(card).network.state_dict(), card)
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
        weights.resolve("nope")


def test_broken_weights_name_the_file(tiny: str) -> None:
    path = Path(tiny)
    path.with_suffix(".json").write_text("{")
    with pytest.raises(BadInput, match="tiny"):
        weights.load(path)


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
        "import diffopt_priors.mdm.config;"
        "assert names == ['mdm'] and 'torch' not in sys.modules, sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_components_point_at_configs() -> None:
    assert {c.config.split(":")[1] for c in plugin.diffopt_components()} == {"MDMConfig"}


def test_a_published_checkpoint_is_imported(tmp_path: Path) -> None:
    torch.manual_seed(2)
    network = MDM(width=16, layers=2, heads=4, feedforward=24, text=True)
    state = network.state_dict() | {"sequence_pos_encoder.pe": torch.zeros(5000, 1, 16), "clip_model.x": torch.zeros(1)}
    torch.save({"model": state, "model_avg": state}, tmp_path / "model000.pt")
    (tmp_path / "args.json").write_text('{"diffusion_steps": 50}')
    np.save(tmp_path / "Mean.npy", np.zeros(263, np.float32))
    np.save(tmp_path / "Std.npy", np.ones(263, np.float32))
    out = tmp_path / "official.safetensors"
    official.convert(tmp_path / "model000.pt", tmp_path, out)
    denoiser, card = weights.load(out)
    assert card["diffusion"]["steps"] == 50 and not denoiser.two_levels
    x, t = torch.randn(2, 9, 263), torch.tensor([3, 40])
    torch.testing.assert_close(denoiser.predict(x, t, t), network.eval()(x, t))
    pose, trans = motion(2, 45)
    trans = trans.requires_grad_()
    energy = MDMConfig(weights=str(out)).build(context(pose, trans, Streams([1, 2]), rest=rest_joints()[None]))
    energy(scene(pose, trans)).sum().backward()
    assert trans.grad is not None and trans.grad.isfinite().all() and trans.grad.abs().sum() > 0
    with pytest.raises(DiffOptError, match="one noise level"):
        MDMConfig(weights=str(out), root_timesteps=(0.9, 1.0)).build(context(pose, trans, Streams([1, 2])))


@pytest.mark.parametrize(("frames", "fps"), [(3, 30.0), (4, 30.0), (4, 100.0), (9, 24.0)])
def test_very_short_clips_work(tiny: str, frames: int, fps: float) -> None:
    pose, trans = motion(1, frames)
    energy = MDMConfig(weights=tiny).build(context(pose, trans, Streams([1]), fps))
    assert energy(scene(pose, trans)).isfinite().all()


def test_too_short_clips_are_refused(tiny: str) -> None:
    pose, trans = motion(1, 2)
    with pytest.raises(DiffOptError, match="too short"):
        MDMConfig(weights=tiny).build(context(pose, trans, Streams([1])))


def test_other_checkpoints_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({"seqTransDecoder.x": torch.zeros(1)}, path)
    with pytest.raises(BadInput, match="transformer-encoder"):
        official.convert(path, tmp_path, tmp_path / "out.safetensors")
