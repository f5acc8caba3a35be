"""Training HuMoR on tiny shards: it learns, resumes exactly, folds its statistics, refuses bad files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from diffopt_core.data.skeleton import JOINT, JOINTS, mirror_order
from diffopt_core.errors import BadInput, DiffOptError
from diffopt_core.host.train import shards
from diffopt_priors.cards import HUMOR_WEIGHTS
from diffopt_priors.humor import weights
from diffopt_priors.humor.network import CONTACT_JOINTS, SIZES, HuMoR, apply_change
from diffopt_priors.humor.states import part
from diffopt_priors.train.commands import train_humor
from diffopt_priors.train.humor import objective
from diffopt_priors.train.humor.trainer import HuMoRTraining, examples_of, fresh, report
from diffopt_priors.train.settings import HuMoRSettings
from goldens import beside
from humor_cases import gaits, mocap, shard, walk
from prior_cases import OFFSETS, rest_joints
from typer.testing import CliRunner

SMALL = HuMoRSettings(width=32, windows=4, transitions=3, rollout_from=2, rollout_share=0.5, kl_anneal=4)
TINY = ["--width", 32, "--windows", 4, "--transitions", 3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return mocap(tmp_path / "mocap")


def begun(folder: Path, settings: HuMoRSettings = SMALL) -> HuMoRTraining:
    clips = shards.read(shards.find(folder, validation=False))
    return fresh(settings, clips, shards.find(folder, validation=True), OFFSETS, draws=4)


def _run(*arguments: object) -> None:
    app = typer.Typer()
    app.command()(train_humor)
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output


@pytest.mark.slow
def test_the_command_writes_weights_card_log_and_curves(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    _run("--data", folder, "--out", out, "--steps", 3, "--export", tmp_path / "humor_x.safetensors", *TINY)
    assert (out / "curves.png").stat().st_size > 1000
    assert "cmu_val" in json.loads((out / "log.jsonl").read_text().splitlines()[-1])["report"]
    _, card = weights.load(tmp_path / "humor_x.safetensors")
    assert card["training_files"] == ["cmu_train.npz", "style100_train.npz"]
    assert card["settings"]["seed"] == 0 and card["step"] == 3 and len(card["terms"]) == 2
    assert set(card["scales"]) == set(SIZES) and card["root_offset"] == [0, 0, 0]


def test_a_resumed_run_equals_an_uninterrupted_one(folder: Path, tmp_path: Path) -> None:
    whole, part_one = begun(folder), begun(folder)
    losses = [float(whole.step(1e-3)["loss"]) for _ in range(8)]  # some steps see the model's own states
    again = [float(part_one.step(1e-3)["loss"]) for _ in range(3)]
    part_one.save(tmp_path / "checkpoint.pt")
    part_two = HuMoRTraining.resume(tmp_path / "checkpoint.pt", whole.clips, [])
    again += [float(part_two.step(1e-3)["loss"]) for _ in range(5)]
    assert again == losses
    for key, value in whole.average.items():
        torch.testing.assert_close(part_two.average[key], value, rtol=0, atol=0)


def test_it_learns(folder: Path) -> None:
    run = begun(folder, replace(SMALL, rollout_share=0.0))
    losses = [float(run.step(2e-3)["loss"]) for _ in range(60)]
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:5])


def test_folded_weights_take_plain_states(folder: Path) -> None:
    run = begun(folder)
    for _ in range(3):
        run.step(1e-3)
    examples = examples_of(run.clips, OFFSETS, SMALL, torch.Generator().manual_seed(5))
    inner = HuMoR(run.network.hidden)
    inner.load_state_dict(run.average)
    noise = torch.zeros(len(examples.past), inner.latent)
    with torch.no_grad():
        out = objective.forward(inner, run.units, examples.past, examples.after, noise)
        folded = run.folded()
        posterior = folded.posterior(examples.past, examples.after)
        decoded, contacts = folded.decode(posterior.mean, examples.past)
    torch.testing.assert_close(posterior.mean, out.posterior.mean, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(folded.prior(examples.past).variance, out.prior.variance, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(decoded, out.decoded, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(contacts, out.contacts, rtol=1e-3, atol=1e-3)


def test_a_change_takes_one_state_to_the_next(folder: Path) -> None:
    clips = shards.read(shards.find(folder, validation=False))
    examples = examples_of(clips, OFFSETS, SMALL, torch.Generator().manual_seed(0))
    change = objective.true_change(examples.past, examples.after)
    torch.testing.assert_close(apply_change(change, examples.past), examples.after, rtol=0, atol=1e-5)


def test_bodies_are_symmetric_and_within_bounds() -> None:
    rest, legs = objective.bodies(OFFSETS, 50, 0.08, torch.Generator().manual_seed(0))
    mirrored = rest[:, list(mirror_order(JOINTS))] * torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(mirrored, rest)
    ratio = rest[:, JOINT["left_ankle"]] / rest_joints()[JOINT["left_ankle"]]
    torch.testing.assert_close(ratio[:, 1], legs.flatten())
    assert legs.min() > 0.92 and legs.max() < 1.08 and legs.std() > 0.02


def test_contacts_of_a_still_stand() -> None:
    pose, root = walk(8, speed=0.0)
    pose, root = pose[:, :1].expand(-1, 8, -1, -1, -1), root[:, :1].expand(-1, 8, -1)
    rest = rest_joints()[None]
    lowest = objective.sequences(pose, root, rest, 30.0)[0]
    drop = part(lowest, "joints").unflatten(-1, (-1, 3))[..., 2].min()
    _, contacts = objective.sequences(pose, root - torch.tensor([0.0, 1.0, 0.0]) * drop, rest, 30.0)
    on = {joint for joint, value in zip(CONTACT_JOINTS, contacts[0, 0], strict=True) if value}
    assert on and on <= {JOINT[f"{side}_{name}"] for side in ("left", "right") for name in ("ankle", "foot")}
    assert not objective.sequences(pose, root + torch.tensor([0.0, 1.0, 0.0]), rest, 30.0)[1].any()


def test_bad_shards_are_refused_by_name(folder: Path, tmp_path: Path) -> None:
    poses = np.zeros((240, 24, 3), np.float32)
    poses[7, 3, 1] = np.nan
    shard(folder / "cmu_train.npz", poses=poses)
    with pytest.raises(BadInput, match=r"cmu_train\.npz: poses: holds NaN"):
        _run("--data", folder, "--out", tmp_path / "run", "--steps", 1, *TINY)
    shard(folder / "cmu_train.npz", poses=np.zeros((240, 22, 3), np.float32))
    with pytest.raises(BadInput, match=r"cmu_train\.npz: poses: has shape \(240, 22, 3\)"):
        _run("--data", folder, "--out", tmp_path / "run", "--steps", 1, *TINY)


def test_clips_that_are_too_short_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="90 transitions per window need"):
        _run("--data", folder, "--out", tmp_path / "run", "--steps", 1, "--transitions", 90)


def test_a_damaged_checkpoint_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"PK no")
    with pytest.raises(BadInput, match=r"checkpoint\.pt: checkpoint: not a checkpoint of `diffopt train humor`"):
        _run("--data", folder, "--out", tmp_path, "--steps", 1, "--resume", *TINY)


@pytest.mark.parametrize("flags", [["--width", 40], ["--windows", 0], ["--transitions", 0]])
def test_settings_are_checked(folder: Path, tmp_path: Path, flags: list[object]) -> None:
    with pytest.raises(DiffOptError, match=str(flags[0])):
        _run("--data", folder, "--out", tmp_path, "--steps", 1, *flags)


@pytest.mark.slow
@pytest.mark.parametrize("path", [None, *beside("mocap/cmu_val.npz")])
def test_the_shipped_weights_tell_sound_motion_from_spoiled(tmp_path: Path, path: Path | None) -> None:
    """On walks, and on held-out captured ones; half speed and sliding are known to be hard (docs/priors/humor.md)."""
    path = path or gaits(tmp_path / "gaits_val.npz")
    model, card = weights.load(HUMOR_WEIGHTS.resolve("open"))
    clips, offsets = shards.read([path]), torch.tensor(card["skeleton"]["offsets"])
    found = report(model, clips, offsets, card["scales"])
    assert found["auc"]["shuffled frames"] > 0.99 and found["auc"]["jitter"] > 0.95
    assert found["one_step_mm"]["posterior"] < 0.3 * found["one_step_mm"]["repeated"]
    assert found["paired"]["slid feet"] > 0.7
