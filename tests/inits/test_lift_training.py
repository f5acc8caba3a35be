"""``diffopt train lift``: windows that are what they say, a seed that repeats, resuming, and what it leaves behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import typer
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.skeleton import COCO17, JOINT, LAYOUTS, PARENTS
from diffopt_core.errors import BadInput, MissingResource
from diffopt_core.host.train import shards
from diffopt_inits.lift.config import LIFT
from diffopt_inits.lift.inputs import features, frame_of, turning
from diffopt_inits.lift.network import LiftNetwork, load
from diffopt_inits.lift.outputs import read
from diffopt_inits.lift.points import INDEX, POINTS, gather
from diffopt_inits.lift.train import quality, trainer
from diffopt_inits.lift.train.command import train
from diffopt_inits.lift.train.loss import surprise
from diffopt_inits.lift.train.settings import LiftSettings
from lift_cases import OFFSETS, PERFECT, WIDE, data, windows
from typer.testing import CliRunner

SMALL = LiftSettings(width=16, layers=1, heads=2, feedforward=16, frames=16, batch=4)


def begun(folder: Path) -> trainer.LiftTraining:
    clips = shards.read([folder / "cmu_train.npz"])
    return trainer.LiftTraining(SMALL, clips, {"cmu_val": shards.read([folder / "cmu_val.npz"])}, OFFSETS)


def run(*arguments: object) -> None:
    app = typer.Typer()
    app.command()(train)
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output


def test_what_the_network_is_asked_for_is_where_the_keypoints_are(tmp_path: Path) -> None:
    """Without noise, target rotations, depth and ray put the joints where a perfect detector saw them."""
    motion, evidence, frame, target, _ = windows(tmp_path, detector=PERFECT, camera=WIDE)
    pose = torch.cat([target.rotations, motion.pose[:, :, 22:]], 2)
    rest = target.rest.unsqueeze(1).expand(-1, pose.shape[1], -1, -1)
    joints = forward_kinematics(pose, rest, PARENTS)[1]
    depth = target.depth.exp() / frame.size
    ray = frame.centre + target.ray * frame.size.unsqueeze(-1)
    placed = joints + torch.cat([ray, torch.ones_like(depth).unsqueeze(-1)], -1)[:, :, None] * depth[..., None, None]
    for name in ("left_ankle", "right_wrist", "left_hip", "right_shoulder"):
        seen = evidence.points[:, :, INDEX[name]]
        there = (seen[..., 2] > 0) & (target.present > 0)
        assert there.any()
        made = placed[:, :, JOINT[name]]
        torch.testing.assert_close((made[..., :2] / made[..., 2:])[there], seen[..., :2][there], atol=2e-5, rtol=1e-4)


def test_the_vertical_and_the_turning_are_the_cameras(tmp_path: Path) -> None:
    """The vertical in the camera's frame moves as the camera's angular velocity says."""
    _, evidence, _, target, dice = windows(tmp_path, camera=WIDE)
    rate = torch.linalg.cross(evidence.turning[:, :-1], target.up[:, :-1])
    step = (target.up[:, 1:] - target.up[:, :-1]) * dice.fps[:, None, None]
    torch.testing.assert_close(step, rate, atol=0.05, rtol=0.05)
    torch.testing.assert_close(target.up.norm(dim=-1), torch.ones(step.shape[0], 16))
    assert turning(torch.eye(3).expand(1, 1, 3, 3), torch.tensor([30.0])).eq(0).all()


def test_windows_without_the_person_stay_finite(tmp_path: Path) -> None:
    _, evidence, _, _, _ = windows(tmp_path)
    evidence.points[:, 3:9] = 0.0
    frame = frame_of(evidence.points)
    assert frame.present[:, 3:9].eq(0).all()
    assert features(evidence, frame).isfinite().all()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_read_by_name(layout: str) -> None:
    names = LAYOUTS[layout]
    keypoints = torch.arange(float(len(names)))[:, None].expand(-1, 3)[None] / 100
    points = gather(keypoints, layout)[0]
    for name in set(COCO17) & set(names):
        assert points[INDEX[name], 0] == keypoints[0, names.index(name), 0]
    if layout == "coco17":
        assert points[INDEX["left_heel"]].eq(0).all(), "COCO has no heels"
    if layout == "blazepose33":
        two = keypoints[0, [names.index("left_index"), names.index("left_pinky")]]
        torch.testing.assert_close(points[INDEX["left_hand"]], torch.stack([*two[:, :2].mean(0), two[:, 2].min()]))


def test_an_untrained_network_says_upright_before_the_camera() -> None:
    network = LiftNetwork(8, width=16, layers=1, heads=2, feedforward=16)
    out = read(network(torch.randn(2, 5, 8), torch.arange(5.0).expand(2, 5) / 30))
    upright = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    torch.testing.assert_close(out.rotations[:, :, 0], upright.expand(2, 5, 3, 3))
    torch.testing.assert_close(out.up, torch.tensor([0.0, -1.0, 0.0]).expand(2, 5, 3))


def test_the_likelihood_is_best_at_the_true_variance() -> None:
    error = torch.randn(200_000, 3, generator=torch.Generator().manual_seed(0)) * 0.3
    squared = error.square().sum(-1)
    at = {s: float(surprise(squared, 2 * torch.tensor(s).log(), 3).mean())
          for s in (0.2, 0.27, 0.3, 0.33, 0.5)}  # fmt: skip
    assert min(at, key=lambda s: at[s]) == 0.3


def test_calibration_brings_ninety_of_a_hundred_inside(tmp_path: Path) -> None:
    _, _, _, target, _ = windows(tmp_path, seed=1)
    network = LiftNetwork(1, width=16, layers=1, heads=2, feedforward=16)
    with torch.no_grad():
        out = read(network(torch.zeros(6, 16, 1), torch.zeros(6, 16)))
    found = quality.ratios(out, target)
    factor = quality.calibration(found)
    assert set(factor) == {"root", "pose", "up", "depth", "ray", "velocity"}
    for name, value in found.items():
        share = float((value <= factor[name]).float().mean())
        # The vertical and its variance may be the same in all frames of a window: six values.
        assert share == pytest.approx(0.9, abs=1 / 6 if name == "up" else 0.02), name


@pytest.mark.slow
def test_a_run_leaves_weights_card_log_and_curves(tmp_path: Path) -> None:
    folder, out = data(tmp_path / "data"), tmp_path / "run"
    size = ("--width", 16, "--layers", 1, "--frames", 16, "--batch", 4)
    run("--data", folder, "--out", out, "--steps", 2, *size)
    network, card = load(out / "lift.safetensors")
    assert card["step"] == 2 and card["chain"] == [] and card["training_files"] == ["cmu_train.npz"]
    assert "CMU" in card["terms"][0] and card["settings"]["detector"]["no_face"] == 0.35
    assert set(card["report"]) == {"cmu_val/points", "cmu_val/pose", "cmu_val/landmarks"}
    assert (out / "curves.png").stat().st_size > 0 and not network.training
    run("--data", folder, "--out", tmp_path / "next", "--steps", 1, "--from", out / "lift.safetensors", *size)
    link = json.loads((tmp_path / "next" / "lift.json").read_text())["chain"]
    assert link == [{"name": "lift", "step": 2, "seed": 0, "files": ["cmu_train.npz"]}]


def test_a_resumed_run_goes_on_bit_for_bit(tmp_path: Path) -> None:
    folder = data(tmp_path / "data")
    whole, half = begun(folder), begun(folder)
    for _ in range(4):
        whole.step(1e-3)
    for _ in range(2):
        half.step(1e-3)
    half.save(tmp_path / "checkpoint.pt")
    again = trainer.LiftTraining.resume(tmp_path / "checkpoint.pt", half.clips, half.held_out)
    assert again.settings == SMALL
    for _ in range(2):
        again.step(1e-3)
    for key, value in whole.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[key]), key
    assert all(torch.equal(value, again.average[key]) for key, value in whole.average.items())


def test_files_that_are_not_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingResource, match="Shipped weights"):
        LIFT.resolve("nonsense")
    bad = tmp_path / "lift.safetensors"
    bad.write_bytes(b"nothing")
    bad.with_suffix(".json").write_text(json.dumps({"format": 1, "network": {}}))
    with pytest.raises(BadInput, match=r"lift\.safetensors"):
        load(LIFT.resolve(str(bad)))
    bad.with_suffix(".json").write_text(json.dumps({"format": 9}))
    with pytest.raises(BadInput, match="format"):
        load(bad)
    with pytest.raises(BadInput, match="checkpoint"):
        trainer.LiftTraining.resume(bad, begun(data(tmp_path / "data")).clips, {})


def test_points_are_named_once() -> None:
    assert len(set(POINTS)) == len(POINTS)
