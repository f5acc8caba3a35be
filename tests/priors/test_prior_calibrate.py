"""``diffopt calibrate prior``: its measurements go into the card, and the strength named is the best of its table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffopt_core.cli import main
from diffopt_core.data.rotation import matrix_to_axis_angle
from diffopt_priors.mdm import official, weights
from diffopt_priors.mdm.network import MDM
from diffopt_priors.report.calibrate import METRICS, STRENGTHS, choose
from prior_cases import motion, tiny_card

QUICK = [
    *("--set", "stage.warmup.all.steps=1", "--set", "stage.guide.rounds=1", "--set", "stage.guide.human.steps=1"),
    *("--set", "stage.guide.camera.steps=1", "--set", "stage.finetune.all.steps=1"),
]


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    pose, trans = motion(1, 130)
    path = tmp_path / "walk_val.npz"
    poses = matrix_to_axis_angle(pose[0]).numpy()
    arrays = {"poses": poses, "trans": trans[0].numpy() + np.array([0, 0.9, 0]), "starts": [0, 130], "names": ["walk"]}
    np.savez(path, fps=30.0, subjects=["a"], descriptions=["walk"], flat_ground=[True], **arrays)
    return path


def published(folder: Path) -> Path:
    """A checkpoint of the published layout with random weights, converted."""
    torch.manual_seed(2)
    torch.save(MDM(width=16, layers=1, heads=2, feedforward=16, text=False).state_dict(), folder / "model.pt")
    (folder / "args.json").write_text('{"diffusion_steps": 50, "dataset": "humanml"}')
    np.save(folder / "Mean.npy", np.zeros(263, np.float32))
    np.save(folder / "Std.npy", np.ones(263, np.float32))
    official.convert(folder / "model.pt", folder, folder / "mine.safetensors")
    return folder / "mine.safetensors"


def test_a_published_checkpoint_gets_its_guidance(tmp_path: Path, shard: Path) -> None:
    file = published(tmp_path)
    before = file.read_bytes()
    done = main(["calibrate", "prior", str(file), "--data", str(shard), "--cases", "1", "--frames", "24", *QUICK])
    assert done == 0 and file.read_bytes() == before
    card = weights.load(file)[1]
    rows = card["guidance_search"]["rows"]
    assert list(rows) == ["none", *(f"{s:g}" for s in STRENGTHS)] and card["spread"]["measured_on"] == ["walk_val.npz"]
    assert all(np.isfinite(row[metric]) for row in rows.values() for metric in METRICS)
    assert f"{card['guidance']['strength']:g}" == choose({k: v for k, v in rows.items() if k != "none"})
    assert len({tuple(row.values()) for row in rows.values()}) > 1


def test_the_best_is_best_in_all_together() -> None:
    rows = {"a": dict.fromkeys(METRICS, 100.0), "b": dict.fromkeys(METRICS, 90.0), "c": dict.fromkeys(METRICS, 80.0)}
    rows["c"]["rigid_clip"] = 800.0
    assert choose(rows) == "b"


def test_spread_alone_and_motion_that_was_trained_on(
    tmp_path: Path, shard: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = tiny_card() | {"training_files": ["walk_val.npz"]}
    file = tmp_path / "tiny.safetensors"
    weights.save(file, weights.build(card).state_dict(), card)
    assert main(["calibrate", "prior", str(file), "--data", str(shard)]) == 2
    assert "trained on walk_val.npz" in capsys.readouterr().err
    other = shard.rename(tmp_path / "other_val.npz")
    assert main(["calibrate", "prior", str(file), "--data", str(other), "--cases", "0"]) == 0
    found = json.loads(file.with_suffix(".json").read_text())
    assert np.array(found["spread"]["mean"]).shape == (9, 12) and "guidance" not in found


def test_a_checkpoint_without_a_card_says_how_to_make_one(shard: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "prior", "model.pt", "--data", str(shard)]) == 2
    assert "diffopt train import-mdm" in capsys.readouterr().err
