"""``diffopt train vposer``: data that it refuses, draws, resuming, and what it leaves behind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from diffopt_core.data.skeleton import JOINTS, PARENTS, mirror_order
from diffopt_core.errors import BadInput, DiffOptError
from diffopt_core.host.train.loop import rate_at
from diffopt_core.host.train.loop import run as train_until
from diffopt_core.host.train.settings import Limits
from diffopt_priors.train.commands import train_vposer
from diffopt_priors.train.settings import VPoserSettings
from diffopt_priors.train.vposer import VPoserTraining, corrupted, draw, find, kl_to_standard, mirror, positions, read
from diffopt_priors.vposer import weights
from prior_cases import OFFSETS, rest_joints
from typer.testing import CliRunner
from vposer_cases import shard


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Motion data: training, uneven ground, another source, validation, and a test shard that must not be read."""
    made = tmp_path / "data"
    (made / "bnr").mkdir(parents=True)
    shard(made / "cmu_train.npz")
    shard(made / "cmu_train_nonflat.npz", seed=1, flat_ground=np.zeros(4, bool))
    shard(made / "bnr" / "bnr_train.npz", seed=2)
    shard(made / "cmu_val.npz", seed=3)
    (made / "cmu_test.npz").write_text("never read")
    (made / "skeleton.json").write_text(json.dumps({"offsets": OFFSETS.tolist()}))
    return made


def run(*arguments: object) -> None:
    app = typer.Typer()
    app.command()(train_vposer)
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output


def training(folder: Path, **settings: object) -> VPoserTraining:
    poses = read(find(folder), VPoserSettings.balance)
    held_out = {"cmu_val": read([folder / "cmu_val.npz"])}
    return VPoserTraining(VPoserSettings(batch=16, **settings), poses, held_out, OFFSETS)


def test_a_run_leaves_weights_card_log_and_curves(folder: Path, tmp_path: Path) -> None:
    out, target = tmp_path / "run", tmp_path / "shipped" / "mine.safetensors"
    run("--data", folder, "--out", out, "--steps", 3, "--batch", 16, "--exclude", "bnr", "--export", target)
    for path in (out / "vposer.safetensors", target):
        found, card = weights.load(weights.resolve(str(path)))
        assert found.settings()["width"] == 512 and card["step"] == 3 and card["settings"]["batch"] == 16
    assert card["training_files"] == ["cmu_train.npz", "cmu_train_nonflat.npz"]
    assert card["validation_files"] == ["cmu_val.npz"]
    assert len(card["terms"]) == 1 and "mocap.cs.cmu.edu" in card["terms"][0]
    assert set(card["report"]["cmu_val/reconstruction"]) == {"degrees", "mm"}
    assert (out / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_an_interrupted_run_goes_on_to_the_same_curve(folder: Path, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    common = ("--data", folder, "--batch", 16)
    run(*common, "--out", whole, "--steps", 8)
    made = training(folder)
    for _ in range(5):  # as far as the whole run had come when it was killed
        made.step(rate_at(made.step_index, made.settings, 6, 8))
    parts.mkdir()
    made.save(parts / "checkpoint.pt")
    torch.rand(7)  # whatever else drew numbers in between
    run(*common, "--out", parts, "--steps", 8, "--resume")
    states = [torch.load(each / "checkpoint.pt", weights_only=True) for each in (whole, parts)]
    assert states[0]["step"] == states[1]["step"] == 8
    for name, value in states[0]["network"].items():
        torch.testing.assert_close(states[1]["network"][name], value, rtol=0, atol=0)
    reports = [json.loads((each / "log.jsonl").read_text().splitlines()[-1]) for each in (whole, parts)]
    assert reports[0] == reports[1]


def test_training_without_an_end_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DiffOptError, match="--steps, --minutes or --finish"):
        train_until(training(folder), tmp_path / "run", Limits())


def test_loss_falls(folder: Path) -> None:
    made = training(folder)
    found = [float(made.step(1e-3)["loss"]) for _ in range(30)]
    assert sum(found[-5:]) < 0.5 * sum(found[:5])
    report = made.evaluate()
    assert all(np.isfinite(v) for group in report.values() for v in group.values())


def test_other_data_does_not_continue_a_run(folder: Path, tmp_path: Path) -> None:
    run("--data", folder, "--out", tmp_path / "run", "--steps", 1)
    with pytest.raises(BadInput, match=r"checkpoint\.pt: files: is of a training on bnr_train"):
        run("--data", folder, "--out", tmp_path / "run", "--steps", 2, "--resume", "--exclude", "bnr")


def test_a_broken_checkpoint_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoint.pt").write_bytes(b"PK half a file")
    with pytest.raises(BadInput, match=r"checkpoint\.pt: checkpoint: not a checkpoint of `diffopt train vposer`"):
        run("--data", folder, "--out", tmp_path / "run", "--steps", 2, "--resume")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"poses": np.full((240, 24, 3), np.nan, np.float32)}, "poses: holds NaN"),
        ({"poses": np.zeros((240, 22, 3), np.float32)}, r"poses: has shape \(240, 22, 3\), expected \(240, 24, 3\)"),
        ({"poses": None}, "poses: missing"),
        ({"starts": np.array([0, 500])}, "starts: expected increasing"),
        ({"subjects": np.array(["a"])}, "subjects: has shape"),
    ],
)
def test_bad_shards_are_refused_by_name(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    path = shard(tmp_path / "broken.npz", **changes)
    with pytest.raises(BadInput, match=rf"broken\.npz: {words}"):
        read([path])


def test_shards_that_are_read(folder: Path) -> None:
    names = [path.name for path in find(folder)]
    assert names == ["bnr_train.npz", "cmu_train.npz", "cmu_train_nonflat.npz"]
    assert [path.name for path in find(folder, ("bnr", "nonflat"))] == ["cmu_train.npz"]


def test_no_subject_dominates(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.npz")
    axis = np.zeros((240, 24, 3), np.float32)
    axis[180:, 1, 0] = 0.5  # the last clip is the other subject's
    path = shard(tmp_path / "a.npz", poses=axis)
    for balance, share in ((0.0, 0.25), (1.0, 0.5)):
        poses = read([path], balance)
        drawn = draw(poses, 4000, torch.Generator().manual_seed(0))
        other = (drawn.abs().sum((1, 2)) > 0.1).float().mean()
        assert abs(float(other) - share) < 0.03


def test_draws_repeat_and_half_are_mirrored(folder: Path) -> None:
    poses = read([folder / "cmu_train.npz"])
    first, second = (draw(poses, 64, torch.Generator().manual_seed(5)) for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    known = poses.axis_angle
    own = _nearest(first, known) < 1e-4
    flipped = _nearest(mirror(first), known) < 1e-4
    assert (own | flipped).all() and 0.25 < own.float().mean() < 0.75


def _nearest(poses: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Distance of each pose to the nearest known one, rad."""
    return (poses.unsqueeze(1) - known).abs().amax((2, 3)).amin(1)


def test_mirror_mirrors_the_joints() -> None:
    poses = 0.4 * torch.randn(6, 21, 3, generator=torch.Generator().manual_seed(0))
    order = [j - 1 for j in mirror_order(JOINTS)[1:22]]
    expected = positions(axis_angle_to_matrix(poses), OFFSETS)[:, order] * torch.tensor([-1.0, 1.0, 1.0])
    found = positions(axis_angle_to_matrix(mirror(poses)), OFFSETS)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_positions_are_the_skeletons() -> None:
    poses = 0.4 * torch.randn(3, 21, 3, generator=torch.Generator().manual_seed(1))
    whole = torch.cat([torch.zeros(3, 1, 3), poses, torch.zeros(3, 2, 3)], 1)
    expected = forward_kinematics(axis_angle_to_matrix(whole), rest_joints(), PARENTS)[1][:, 1:22]
    torch.testing.assert_close(positions(axis_angle_to_matrix(poses), OFFSETS), expected, rtol=0, atol=1e-5)


def test_divergence_is_that_of_the_distributions() -> None:
    mean, std = torch.randn(4, 5), torch.rand(4, 5) + 0.1
    made, standard = torch.distributions.Normal(mean, std), torch.distributions.Normal(0.0, 1.0)
    torch.testing.assert_close(kl_to_standard(mean, std), torch.distributions.kl_divergence(made, standard))


def test_corruptions_are_what_they_say() -> None:
    poses = 0.3 * torch.randn(400, 21, 3, generator=torch.Generator().manual_seed(0))
    made = corrupted(poses, torch.Generator().manual_seed(1))
    turned = axis_angle_to_matrix(poses).mT @ axis_angle_to_matrix(made["noise_10deg"])
    angle = matrix_to_axis_angle(turned).norm(dim=-1).square().mean().sqrt().rad2deg()
    assert abs(float(angle) - 10) < 0.5
    assert (made["shuffled_joints"] - poses).abs().sum((1, 2)).min() > 0
