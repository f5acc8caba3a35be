"""``diffopt train shards``: AMASS files to shards of one skeleton."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from diffopt_core.data.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from diffopt_core.host.train import shards
from diffopt_priors.mdm.features import kinematics
from diffopt_priors.train.shards import fit, train_shards
from humor_cases import gaits
from prior_cases import OFFSETS
from typer.testing import CliRunner

FPS = 30.0


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> tuple[torch.Tensor, torch.Tensor]:
    """Axis-angles and pelvis of a walk on sound ground, Y up."""
    data = np.load(gaits(tmp_path_factory.mktemp("walk") / "walks.npz"))
    some = slice(300, 450)
    return torch.from_numpy(data["poses"][some]).float(), torch.from_numpy(data["trans"][some]).float()


def _amass(path: Path, poses: torch.Tensor, trans: torch.Tensor, rate: float = FPS) -> None:
    """As AMASS writes it: Z up, 156 columns, ``trans`` less SMPL's rest pelvis."""
    turn = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    root = matrix_to_axis_angle(turn @ axis_angle_to_matrix(poses[:, 0]))
    flat = torch.cat([root, poses[:, 1:22].flatten(1), torch.zeros(len(poses), 90)], 1)
    moved = trans @ turn.T - torch.tensor([0.0, -0.22, 0.03])
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, poses=flat.numpy(), trans=moved.numpy(), betas=np.zeros(16), mocap_framerate=rate)


def _run(*arguments: object) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(train_shards)
    result = CliRunner().invoke(app, [str(a) for a in arguments], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value, result.output


@pytest.mark.parametrize("legs", [0.85, 1.0, 1.15])
def test_paths_of_other_legs_come_to_the_skeletons(walk: tuple[torch.Tensor, torch.Tensor], legs: float) -> None:
    poses, trans = walk
    lifted = trans * legs + torch.tensor([0.0, 0.02, 0.0])
    made = fit(axis_angle_to_matrix(poses), lifted, OFFSETS, FPS)
    assert made is not None
    flat, _, path = made
    assert flat
    found, true = (np.linalg.norm(np.diff(x[:, [0, 2]], axis=0), axis=1).sum() for x in (path, trans.numpy()))
    assert found / true == pytest.approx(1, abs=0.06)
    feet = kinematics(axis_angle_to_matrix(poses), torch.from_numpy(path), OFFSETS)[..., 1].amin()
    assert abs(float(feet)) < 0.05


def test_stairs_are_not_flat_ground(walk: tuple[torch.Tensor, torch.Tensor]) -> None:
    poses, trans = walk
    still = poses[:1].expand(len(poses), -1, -1)
    steps = torch.zeros_like(trans)
    steps[:, 1] = trans[0, 1] + 0.17 * (torch.arange(len(trans)) // 40)
    made = fit(axis_angle_to_matrix(still), steps, OFFSETS, FPS)
    assert made is not None and not made[0]


def test_files_become_shards_by_subject_and_a_bad_one_costs_itself(
    walk: tuple[torch.Tensor, torch.Tensor], tmp_path: Path
) -> None:
    for name, rate in (("s1/a", 30.0), ("s1/b", 60.0), ("s2/c", 30.0)):
        _amass(tmp_path / "amass" / f"{name}.npz", *walk, rate=rate)
    (tmp_path / "amass" / "s2" / "broken.npz").write_bytes(b"PK\x03\x04 nothing")
    code, _ = _run(tmp_path / "amass", "--out", tmp_path / "out", "--name", "mine", "--val", "s2")
    assert code == 1
    train = shards.read_shard(tmp_path / "out" / "mine_train.npz")
    assert list(train["subjects"]) == ["s1", "s1"]
    assert list(np.diff(train["starts"])) == [150, 75]  # the second was played twice as fast
    clips = shards.read(shards.find(tmp_path / "out", validation=True))
    assert len(clips.start) == 1 and shards.read_offsets(tmp_path / "out" / "skeleton.json").shape == (24, 3)
    code, _ = _run(tmp_path / "amass", "--out", tmp_path / "two", "--exclude", "broken")
    assert code == 0
