"""The trainer on a tiny synthetic shard: it learns, resumes exactly, and refuses bad files."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import humor_cases
import numpy as np
import pytest
import torch
from diffopt_core.data.rotation import columns_to_matrix, matrix_to_columns
from diffopt_core.data.skeleton import JOINTS, mirror_order
from diffopt_core.errors import BadInput
from diffopt_core.host.train import shards, windows
from diffopt_core.host.train.shards import terms_of
from diffopt_priors.mdm import weights
from diffopt_priors.mdm.features import kinematics
from diffopt_priors.train.commands import train_mdm
from diffopt_priors.train.mdm import quality
from diffopt_priors.train.mdm.statistics import fresh
from diffopt_priors.train.settings import MDMSettings
from prior_cases import OFFSETS, motion
from typer.testing import CliRunner

TINY = ["--width", "16", "--layers", "1", "--feedforward", "16", "--window", "16", "--shortest", "8"]
TINY += ["--batch", "4", "--samples", "0"]  # a sample takes many steps


shard = partial(humor_cases.shard, clips=4, frames=60)


@pytest.fixture(autouse=True)
def _few_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "_WINDOWS", 8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "mocap"
    shard(root / "cmu_train.npz")
    shard(root / "bnr" / "bnr_train.npz")
    shard(root / "cmu_val.npz", clips=2)
    shard(root / "cmu_test.npz", poses=None)  # must not be read
    shard(root / "cmu_train_nonflat.npz", poses=None)
    (root / "skeleton.json").write_text(json.dumps({"offsets": OFFSETS.tolist()}))
    return root


def _run(*arguments: object) -> None:
    import typer

    app = typer.Typer()
    app.command()(train_mdm)
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output


@pytest.mark.slow
def test_resumed_run_equals_uninterrupted_run(folder: Path, tmp_path: Path) -> None:
    common = ["--data", folder, *TINY]
    _run(*common, "--out", tmp_path / "a", "--steps", 6)
    _run(*common, "--out", tmp_path / "b", "--minutes", 0)  # one step, then a checkpoint
    _run(*common, "--out", tmp_path / "b", "--steps", 6, "--resume")
    a, b = (torch.load(tmp_path / k / "checkpoint.pt", weights_only=True) for k in "ab")
    assert a["step"] == b["step"] == 6
    for key in ("network", "average"):
        for name, value in a[key].items():
            torch.testing.assert_close(b[key][name], value, rtol=0, atol=0)


@pytest.mark.slow
def test_export_loads_and_its_card_says_what_it_is(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "shipped" / "mdm_x.safetensors"
    _run(
        "--data",
        folder,
        "--out",
        tmp_path / "run",
        "--steps",
        2,
        "--export",
        target,
        "--exclude",
        "bnr",
        *TINY,
        "--samples",
        2,
    )
    denoiser, card = weights.load(target)
    assert denoiser.two_levels and card["step"] == 2
    assert card["training_files"] == ["cmu_train.npz"] and card["validation_files"] == ["cmu_val.npz"]
    assert len(card["terms"]) == 1 and "mocap.cs.cmu.edu" in card["terms"][0]
    assert set(card["report"]) == {"cmu_val", "samples"}
    assert all(np.isfinite(v) for v in card["report"]["cmu_val"]["mse"].values())


@pytest.mark.slow
def test_loss_falls(folder: Path) -> None:
    torch.manual_seed(0)
    clips = shards.read(shards.find(folder, validation=False))
    settings = MDMSettings(width=32, layers=1, feedforward=32, window=12, shortest=12, batch=32, warmup=1, rate=3e-3)
    trainer = fresh(settings, clips, OFFSETS, [])

    def error() -> float:
        """Of the same windows under the same noise: a step of rate 0 changes nothing."""
        began, trainer.step_index = trainer.step_index, 1_000_000
        found = sum(float(trainer.step(0.0)["x0"]) for _ in range(10))
        trainer.step_index = began
        return found

    before = error()
    for _ in range(100):
        trainer.step(settings.rate)
    assert error() < 0.99 * before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"poses": None}, "poses: missing"),
        ({"trans": np.zeros((3, 3), np.float32)}, r"trans: has shape \(3, 3\)"),
        ({"trans": np.full((240, 3), np.nan, np.float32)}, "trans: holds NaN"),
        ({"starts": np.array([0, 10])}, "starts: expected increasing"),
        ({"subjects": np.array(["a"])}, "subjects: has shape"),
    ],
)
def test_bad_shards_are_named(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    path = tmp_path / "broken.npz"
    shard(path, **changes)
    with pytest.raises(BadInput, match=rf"broken\.npz: {words}"):
        shards.read([path])


def test_not_a_shard_and_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "text.npz"
    path.write_text("no zip")
    with pytest.raises(BadInput, match=r"not an \.npz"):
        shards.read([path])
    with pytest.raises(BadInput, match="no such folder"):
        shards.find(tmp_path / "absent", validation=False)
    with pytest.raises(BadInput, match="no training shard"):
        shards.find(tmp_path, validation=False, exclude=["text"])


def test_clips_shorter_than_the_window_are_refused(tmp_path: Path) -> None:
    shard(tmp_path / "short.npz", frames=20)
    with pytest.raises(BadInput, match="longest clip has 20 frames"):
        fresh(MDMSettings(window=40), shards.read([tmp_path / "short.npz"]), OFFSETS, [])


@pytest.mark.slow
def test_finishing_leaves_the_checkpoint_alone(folder: Path, tmp_path: Path) -> None:
    common = ["--data", folder, "--out", tmp_path / "run", *TINY]
    _run(*common, "--minutes", 0)
    _run(*common, "--resume", "--finish", 3)
    steps = {n: torch.load(tmp_path / "run" / f"{n}.pt", weights_only=True)["step"] for n in ("checkpoint", "finished")}
    assert steps == {"checkpoint": 1, "finished": 4}
    assert weights.load(tmp_path / "run" / "mdm.safetensors")[1]["step"] == 4


def test_two_frame_rates_are_refused(tmp_path: Path) -> None:
    shard(tmp_path / "a.npz")
    shard(tmp_path / "b.npz", fps=np.array(60))
    with pytest.raises(BadInput, match="one frame rate"):
        shards.read(shards.find(tmp_path, validation=False))


def test_mirror_mirrors_the_joints() -> None:
    pose, root = motion(1, 5)
    symmetric = OFFSETS.clone()
    flip = torch.tensor([-1.0, 1.0, 1.0])
    order = list(mirror_order(JOINTS))
    d6, moved = windows.mirror(matrix_to_columns(pose), root)
    found = kinematics(columns_to_matrix(d6), moved, symmetric)
    expected = kinematics(pose, root, symmetric)[:, :, order] * flip
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_subjects_are_balanced(tmp_path: Path) -> None:
    shard(tmp_path / "a.npz", subjects=np.array(["many", "many", "many", "few"]))
    clips = shards.read([tmp_path / "a.npz"], balance=1.0)
    torch.testing.assert_close(clips.weight[:3].sum(), clips.weight[3])


def test_drawn_windows_are_reproducible_and_within_clips(folder: Path) -> None:
    clips = shards.read(shards.find(folder, validation=False))
    first, second = (windows.draw(clips, 16, 50, torch.Generator().manual_seed(5)) for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    # A window that ran over the end of its clip would jump.
    assert (first[1][:, 1:] - first[1][:, :-1]).norm(dim=-1).max() < 0.5


def test_unknown_data_is_not_called_free() -> None:
    assert "unknown" in terms_of(["mine.npz"])[0]
    assert any("CC BY-NC" in text for text in terms_of(["bnr_train_1.npz", "cmu_train.npz"]))
