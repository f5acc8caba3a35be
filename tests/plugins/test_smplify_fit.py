"""``diffopt train gmm``: EM finds what was put in, the shards are checked, the export loads."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from diffopt_core.data.skeleton import JOINTS, mirror_order
from diffopt_core.errors import BadInput
from diffopt_core.host.train import shards
from diffopt_core.host.train.shards import terms_of
from diffopt_core.plugin import command_group
from diffopt_smplify import fit, mixture
from diffopt_smplify.command import train
from typer.testing import CliRunner


def shard(path: Path, frames: int = 60, **changes: object) -> None:
    draw = np.random.default_rng(len(path.name))
    poses = 0.3 * draw.normal(size=(2 * frames, 24, 3)).astype(np.float32)
    poses[:, 22:] = 0
    arrays = {"poses": poses, "starts": np.array([0, frames, 2 * frames]), "subjects": np.array(["a", "b"])}
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{k: v for k, v in (arrays | changes).items() if v is not None})  # type: ignore[arg-type]


def test_em_finds_two_clouds() -> None:
    draw = torch.Generator().manual_seed(1)
    centres = torch.tensor([[-2.0, 0.0, 1.0], [2.0, 1.0, 0.0]], dtype=torch.float64)
    x = torch.cat([0.5 * torch.randn(900, 3, generator=draw) + centres[0], torch.randn(300, 3, generator=draw) * 0.2])
    x[900:] += centres[1]
    state, losses = fit.fit(x, torch.ones(len(x)), fit.Settings(components=2, ridge=1e-6, shrink=0.0))
    order = state["means"][:, 0].argsort()
    torch.testing.assert_close(state["means"][order], centres, atol=0.06, rtol=0)
    torch.testing.assert_close(state["weights"][order], torch.tensor([0.75, 0.25]).double(), atol=0.01, rtol=0)
    spread = state["covariances"][order].diagonal(dim1=1, dim2=2).mean(1).sqrt()
    torch.testing.assert_close(spread, torch.tensor([0.5, 0.2]).double(), atol=0.03, rtol=0)
    assert all(after <= before + 1e-9 for before, after in pairwise(losses))


def test_a_weight_counts_like_copies() -> None:
    x = torch.randn(40, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    weight = torch.ones(40)
    weight[:10] = 3
    share, floor = torch.ones(40, 1, dtype=torch.float64), torch.zeros(3, 3, dtype=torch.float64)
    once = fit.update(x, share * weight[:, None], floor)
    copies = torch.cat([x, x[:10], x[:10]])
    torch.testing.assert_close(fit.update(copies, torch.ones(60, 1, dtype=torch.float64), floor), once)


def test_mirror_and_balance(tmp_path: Path) -> None:
    shard(tmp_path / "a.npz", starts=np.array([0, 30, 120]))
    found = fit.read([tmp_path / "a.npz"])
    left, right = JOINTS.index("left_knee") - 1, JOINTS.index("right_knee") - 1
    plain, mirrored = found.x.unflatten(1, (21, 3)).chunk(2)
    torch.testing.assert_close(mirrored[:, left], plain[:, right] * torch.tensor([1.0, -1.0, -1.0]))
    assert mirror_order(JOINTS)[left + 1] == right + 1
    assert found.weight[0] / found.weight[119] == pytest.approx(3**0.4)


def _run(*arguments: object) -> str:
    app = typer.Typer()
    app.command()(train)
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_command_writes_weights_with_terms(tmp_path: Path) -> None:
    for name in ("cmu_train", "bnr/bnr_train", "cmu_val"):
        shard(tmp_path / "data" / f"{name}.npz")
    shard(tmp_path / "data" / "cmu_test.npz", poses=None)  # must not be read
    arguments = ["--data", tmp_path / "data", "--out", tmp_path / "out", "--components", 2, "--exclude", "bnr"]
    said = _run(*arguments, "--ridge", 0.05, "--stride", 1, "--export", tmp_path / "gmm_mine.safetensors")
    assert "nats per pose" in said
    card = json.loads((tmp_path / "gmm_mine.json").read_text())
    assert card["training_files"] == ["cmu_train.npz"] and card["validation_files"] == ["cmu_val.npz"]
    assert len(card["terms"]) == 1 and "mocap.cs.cmu.edu" in card["terms"][0]
    assert set(card["report"]) == {"cmu_val", "training"}
    mine, out = (mixture.load(tmp_path / p) for p in ("gmm_mine.safetensors", "out/gmm.safetensors"))
    assert torch.equal(mine.whiten, out.whiten)
    assert mine.whiten.shape == (2, 63, 63)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"poses": None}, "poses: missing"),
        ({"starts": None}, "starts: missing"),
        ({"poses": np.zeros((4, 22, 3))}, r"poses: has shape \(4, 22, 3\)"),
        ({"poses": np.full((120, 24, 3), np.nan)}, "poses: holds NaN"),
        ({"starts": np.array([0, 10])}, "starts: expected increasing numbers from 0 to 120"),
        ({"subjects": np.array(["a"])}, r"subjects: has shape \(1,\)"),
    ],
)
def test_bad_shards_name_the_key(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    shard(tmp_path / "broken.npz", **changes)
    with pytest.raises(BadInput, match=rf"broken\.npz: {words}"):
        fit.read([tmp_path / "broken.npz"])


def test_no_data_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder"):
        shards.find(tmp_path / "absent", validation=False)
    with pytest.raises(BadInput, match="no training shard"):
        shards.find(tmp_path, validation=False)
    (tmp_path / "text.npz").write_text("no zip")
    with pytest.raises(BadInput, match=r"is not an \.npz archive"):
        fit.read([tmp_path / "text.npz"])
    shard(tmp_path / "few.npz", frames=2)
    with pytest.raises(BadInput, match="too few for 16 components"):
        _run("--data", tmp_path, "--out", tmp_path, "--components", 16, "--exclude", "text")


def test_unknown_data_is_not_called_free() -> None:
    assert "unknown" in terms_of(["mine.npz"])[0]


def test_plugins_share_a_group_of_commands() -> None:
    app = typer.Typer()
    first = command_group(app, "train")
    assert command_group(app, "train") is first and command_group(app, "other") is not first
    assert [group.name for group in app.registered_groups] == ["train", "other"]
