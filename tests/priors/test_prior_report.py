"""``diffopt prior-report`` and ``diffopt sample mdm``: what they measure is what they say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffopt_core.cli import main
from diffopt_core.data.rotation import matrix_to_axis_angle
from diffopt_core.errors import BadInput, DiffOptError
from diffopt_core.host.registry import Registry
from diffopt_core.host.train.shards import read_offsets
from diffopt_core.host.train.windows import leg_ratio, proportions
from diffopt_priors.mdm.features import embed, kinematics, recover_joints
from diffopt_priors.report import draw as sheet
from diffopt_priors.report import held
from diffopt_priors.report import held as corruptions
from diffopt_priors.report import measure as mdm
from diffopt_priors.report.command import options_of
from diffopt_priors.report.draw import recover_motion
from diffopt_priors.report.measure import batches, bones, measure
from diffopt_priors.report.ranking import Asked, area, paired, problem, scene_of
from goldens import beside
from humor_cases import gaits
from prior_cases import OFFSETS, motion

FRAMES = 16

#: Prefers motion without jerks; a draw of noise makes its draws differ. Offers a report of its own.
PLUGIN = """
from typing import ClassVar
from diffopt_core.config import TermConfig
from diffopt_core.plugin import Component, hookimpl

class CalmConfig(TermConfig):
    needs: ClassVar[frozenset[str]] = frozenset({"joints"})
    noisy: float = 0.0
    broken: bool = False

    def build(self, ctx):
        return Calm(self, ctx)

class Calm:
    def __init__(self, config, ctx):
        self.config, self.ctx = config, ctx

    def __call__(self, scene):
        jerk = scene.joints.diff(n=3, dim=1) * self.ctx.fps**3
        value = jerk.square().mean((1, 2, 3)) + self.config.noisy * self.ctx.noise.uniform(())
        return value * float("nan") if self.config.broken else value

    def report(self, scene, parts, samples):
        return {"own": {name: {"rows": float(len(rows)), "samples": samples} for name, rows in parts.items()}}

class SpeedConfig(CalmConfig):
    def build(self, ctx):
        return Speed(self, ctx)

class Speed:
    '''The energy says nothing; its rank likes slow motion.'''
    def __init__(self, config, ctx):
        self.ctx = ctx
        if config.broken:
            self.rank = None

    def __call__(self, scene):
        return scene.joints.sum((1, 2, 3)) * 0

    def rank(self, scene):
        return scene.joints.diff(dim=1).norm(dim=-1).mean((1, 2))

@hookimpl
def diffopt_components():
    return [
        Component("prior", "calm", f"{__name__}:CalmConfig", "no jerks"),
        Component("prior", "speed", f"{__name__}:SpeedConfig", "slow"),
    ]
"""


def write(path: Path, clips: int = 3, frames: int = 3 * FRAMES, still: bool = False, fps: int = 30) -> Path:
    pose, trans = motion(clips, frames, seed=len(path.stem))
    if still:
        pose, trans = pose[:, :1].expand_as(pose), trans[:, :1].expand_as(trans)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path, poses=matrix_to_axis_angle(pose).flatten(0, 1).numpy(), trans=trans.flatten(0, 1).numpy(),
        starts=np.arange(clips + 1) * frames, fps=np.array(fps),
    )  # fmt: skip
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "mocap"
    write(root / "cmu_val.npz")
    write(root / "bnr" / "bnr_val.npz", clips=2)
    write(root / "cmu_train.npz")
    (root / "skeleton.json").write_text(json.dumps({"offsets": OFFSETS.tolist()}))
    return root


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    path = tmp_path / "calm_prior.py"
    path.write_text(PLUGIN)
    return str(path)


@pytest.fixture
def windows(folder: Path) -> held.Held:
    return held.hold(held.shards(folder)[0], OFFSETS, FRAMES, 100)[0]


def asked(plugin: str, name: str = "calm", **options: Any) -> Asked:
    return Asked(name, options, Registry.load([plugin]), torch.device("cpu"), draws=2, batch=4)


# ---- what is held


def test_validation_shards_of_a_folder_and_their_windows(windows: held.Held) -> None:
    assert windows.names == ("bnr_val", "cmu_val")
    assert len(windows) == 15 and windows.part.bincount().tolist() == [6, 9]
    pose, trans = windows.windows()
    assert pose.shape == (15, FRAMES, 24, 3, 3) and trans.shape == (15, FRAMES, 3)
    assert bool(windows.moving().all())


def test_a_folder_without_validation_shards_is_measured_whole_and_says_so(tmp_path: Path) -> None:
    write(tmp_path / "mine.npz")
    files, notices = held.shards(tmp_path)
    assert [f.name for f in files] == ["mine.npz"] and "all of its 1 shards" in notices[0]


def test_a_single_motion_file_is_read_too(tmp_path: Path) -> None:
    pose, trans = motion(1, 4 * FRAMES)
    path = tmp_path / "walk.npz"
    np.savez(path, poses=matrix_to_axis_angle(pose)[0].numpy(), trans=trans[0].numpy(), fps=np.array(30))
    found, _ = held.hold([path], OFFSETS, FRAMES, 100)
    assert len(found) == 4
    torch.testing.assert_close(found.windows()[1].flatten(0, 1), trans[0])


def test_too_many_windows_are_thinned_evenly(folder: Path) -> None:
    found, notices = held.hold(held.shards(folder)[0], OFFSETS, FRAMES, 5)
    assert len(found) == 5 and "5 of 15" in notices[0]
    assert set(found.part.tolist()) == {0, 1}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda d: d / "absent", "--data: no such file"),
        (lambda d: d, "--data: holds no motion shard"),
    ],
)
def test_data_that_is_not_there(tmp_path: Path, make: Any, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        held.shards(make(tmp_path))


def test_short_clips_and_mixed_rates_are_named(tmp_path: Path) -> None:
    short, fast = write(tmp_path / "short.npz", frames=8), write(tmp_path / "fast.npz", fps=60)
    with pytest.raises(BadInput, match="no clip on flat ground has 16 frames"):
        held.hold([short], OFFSETS, FRAMES, 100)
    found, notices = held.hold([short, fast], OFFSETS, FRAMES, 100)
    assert found.fps == 60 and "short.npz" in notices[0]
    with pytest.raises(BadInput, match=r"slow\.npz: fps: is 30, and 60 in fast\.npz"):
        held.hold([fast, write(tmp_path / "slow.npz")], OFFSETS, FRAMES, 100)


def test_bones_of_the_data_come_first(folder: Path, tmp_path: Path) -> None:
    file = folder / "bnr" / "bnr_val.npz"  # its skeleton.json is one folder up
    found, told = bones(None, file, [file])
    torch.testing.assert_close(found, OFFSETS)
    assert not told
    lone = write(tmp_path / "elsewhere" / "deep" / "x.npz")
    found, told = bones(None, lone, [lone])
    assert found.shape == (24, 3) and "shipped weights" in told[0]


# ---- corruptions


def test_between_frames_is_exact_on_them_and_smooth_between(windows: held.Held) -> None:
    at = windows.first[:, None] + torch.arange(FRAMES)
    pose, trans = windows.at(at.double())
    torch.testing.assert_close((pose, trans), windows.windows())
    # A parabola is followed exactly: straight lines would cut its corners.
    time = torch.arange(len(windows.trans)).float()
    curve = replace(windows, trans=torch.stack([1e-4 * time**2, time, time], -1))
    found = curve.some(torch.tensor([0])).at(at[:1].double() + 0.5)[1][0, 1:-2, 0]
    torch.testing.assert_close(found, 1e-4 * (at[0, 1:-2] + 0.5) ** 2, rtol=1e-4, atol=1e-5)


def test_corruptions_do_what_they_say(windows: held.Held) -> None:
    draw = torch.Generator().manual_seed(0)
    pose, trans = windows.windows()
    speed = trans.diff(dim=1).norm(dim=-1).mean()

    def motion_of(name: str) -> tuple[torch.Tensor, torch.Tensor]:
        made = corruptions.CORRUPTIONS[name]
        some = windows.some(made.usable(windows).nonzero().squeeze(1))
        out = made.apply(some, draw)
        assert out[0].shape[1:] == pose.shape[1:] and out[1].shape[1:] == trans.shape[1:]
        return out

    back = motion_of("reversed time")
    torch.testing.assert_close(back[1].flip(1), trans)
    mixed = motion_of("shuffled frames")[1]
    torch.testing.assert_close(mixed[..., 2].sort(1).values, trans[..., 2].sort(1).values)
    assert not torch.allclose(mixed, trans)
    ratio = motion_of("speed x0.5")[1].diff(dim=1).norm(dim=-1).mean() / speed
    assert 0.45 < float(ratio) < 0.55
    ratio = motion_of("speed x2")[1].diff(dim=1).norm(dim=-1).mean() / speed
    assert 1.85 < float(ratio) < 2.15
    same, drifted = motion_of("slid feet")
    torch.testing.assert_close(same, pose)
    drift = (drifted - trans).diff(dim=1) * windows.fps
    torch.testing.assert_close(drift.norm(dim=-1), torch.full(drift.shape[:2], 0.3), rtol=1e-4, atol=1e-4)
    assert float(drift[..., 1].abs().max()) < 1e-5
    turned, shaken = motion_of("jitter")
    angle = matrix_to_axis_angle(pose.mT @ turned).square().sum(-1).mean().sqrt()
    assert abs(float(angle.rad2deg()) - 3) < 0.1
    assert abs(float((shaken - trans).square().mean().sqrt()) - 0.01) < 1e-3


def test_double_speed_takes_windows_with_enough_source_only(tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz", frames=2 * FRAMES - 2)
    found, _ = held.hold([path], OFFSETS, FRAMES, 100)
    faster = corruptions.CORRUPTIONS["speed x2"]
    assert not bool(faster.usable(found).any())
    found, _ = held.hold([write(tmp_path / "b.npz", clips=1, frames=2 * FRAMES - 1)], OFFSETS, FRAMES, 100)
    assert bool(faster.usable(found).all())
    torch.testing.assert_close(faster.apply(found, torch.Generator())[1][0], found.trans[::2])


def test_still_windows_stay_out_of_the_rows_of_time(tmp_path: Path) -> None:
    found, _ = held.hold([write(tmp_path / "s.npz", still=True)], OFFSETS, FRAMES, 100)
    assert not bool(found.moving().any())
    for name, corruption in corruptions.CORRUPTIONS.items():
        assert bool(corruption.usable(found).any()) == (name in {"slid feet", "jitter"}), name


# ---- ranking


def test_area_counts_pairs_and_halves_ties() -> None:
    draw = torch.Generator().manual_seed(3)
    real, spoilt = torch.randint(0, 5, (40,), generator=draw).double(), torch.randint(1, 7, (30,), generator=draw)
    difference = spoilt.double()[:, None] - real
    expected = ((difference > 0).double() + 0.5 * (difference == 0)).mean()
    assert area(real, spoilt.double()) == pytest.approx(float(expected))
    assert area(real, real) == pytest.approx(0.5)
    assert paired(torch.tensor([0.0, 1.0, 2.0]), torch.tensor([1.0, 1.0, 1.0])) == pytest.approx(0.5)


def test_a_prior_of_a_plugin_is_measured(windows: held.Held, plugin: str) -> None:
    calls = []
    question = asked(plugin)
    report = measure(question, windows, 7, lambda: calls.append(1))
    assert len(calls) == batches(question, windows)
    rows = report["ranking"]["rows"]
    assert report["ranking"]["by"] == "energy"
    assert rows["shuffled frames"]["auc"] == rows["jitter"]["auc"] == 1.0
    assert rows["speed x0.5"]["paired"] < 0.2 and rows["speed x2"]["paired"] == 1.0
    # Jerk does not know the direction of time.
    assert rows["reversed time"]["auc"] == pytest.approx(0.5, abs=0.03)
    assert rows["slid feet"]["by_shard"]["cmu_val"]["windows"] == 9
    assert report["sections"]["own"]["bnr_val"] == {"rows": 6.0, "samples": 7}
    json.dumps(report, allow_nan=False)


def test_rank_is_used_where_there_is_one(windows: held.Held, plugin: str) -> None:
    report = measure(asked(plugin, "speed"), windows, 0)
    assert report["ranking"]["by"] == "rank" and report["sections"] == {}
    assert report["ranking"]["rows"]["speed x2"]["paired"] == 1.0
    without = measure(asked(plugin, "speed", broken=True), windows, 0)["ranking"]
    assert without["by"] == "energy" and without["rows"]["speed x2"]["auc"] == 0.5


def test_a_window_and_its_spoilt_version_see_the_same_noise(windows: held.Held, plugin: str) -> None:
    # The noise outweighs the energy a millionfold: only equal noise leaves the order of the pairs.
    quiet, noisy = (measure(asked(plugin, noisy=n), windows, 0)["ranking"]["rows"] for n in (0.0, 1e8))
    assert noisy["jitter"]["paired"] == quiet["jitter"]["paired"] == 1.0
    assert noisy["jitter"]["auc"] < 0.8


def test_energies_that_are_not_finite_are_an_error(windows: held.Held, plugin: str) -> None:
    with pytest.raises(DiffOptError, match=r"prior calm: 15 of 15 windows \(real\) have no finite energy"):
        measure(asked(plugin, broken=True), windows, 0)


def test_the_scene_holds_what_a_prior_may_need(windows: held.Held) -> None:
    pose, trans = windows.windows()
    ctx = problem(pose, trans, windows.rest_joints(), 30.0, list(range(len(trans))), Registry.load())
    everything = scene_of(ctx, frozenset({"joints", "keypoints", "pixels", "depth"}))
    assert everything.joints is not None and everything.depth is not None and everything.pixels is not None
    torch.testing.assert_close(everything.joints, kinematics(pose, trans, OFFSETS), rtol=0, atol=1e-5)
    assert bool((everything.depth > 1).all())
    torch.testing.assert_close(ctx.observations.keypoints[..., :2], everything.pixels)
    bare = scene_of(ctx, frozenset())
    assert bare.joints is None and bare.pixels is None


def test_options_in_both_spellings(plugin: str) -> None:
    registry = Registry.load([plugin])
    assert options_of(registry, "calm", ["noisy=2", "prior.broken=true"]) == {"noisy": 2, "broken": True}
    with pytest.raises(DiffOptError, match="unknown option of prior 'calm' 'nosy'"):
        options_of(registry, "calm", ["nosy=2"])
    with pytest.raises(DiffOptError, match=r"expected key\.path=value"):
        options_of(registry, "calm", ["noisy"])


# ---- the command lines


def test_the_command_prints_a_table_and_writes_json(
    folder: Path, plugin: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "deep" / "report.json"
    arguments = ["prior-report", "calm", "-p", plugin, "--data", str(folder), "--frames", str(FRAMES)]
    assert main([*arguments, "--out", str(out), "--set", "noisy=1"]) == 0
    printed = capsys.readouterr().out
    assert "AUC cmu_val" in printed and "reversed time" in printed and "noisy=1" in printed
    report = json.loads(out.read_text())
    assert "fewer than 10 windows" not in caplog.text
    assert report["data"]["shards"] == {"bnr_val": 6, "cmu_val": 9} and report["options"] == {"noisy": 1}
    assert main([*arguments, "--out", str(out), "--windows", "9"]) == 0  # again, over the old one
    assert "fewer than 10 windows, so the AUC says little: shuffled frames 9, speed x0.5 9" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["prior-report", "nobody", "--data", "."], "unknown prior 'nobody'"),
        (["prior-report", "mdm", "--data", "absent.npz"], "absent.npz: --data: no such file"),
        (["sample", "mdm", "--out", "x", "--set", "window=9"], "--set window: sampling only has the option `weights`"),
        (["sample", "mdm", "--out", "x", "--set", "weights=absent"], "mdm_absent.safetensors"),
    ],
)
def test_errors_are_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert words in said and "Traceback" not in said


# ---- motions out of features


def test_motion_comes_back_from_its_features() -> None:
    pose, trans = motion(3, 20)
    features = embed(pose, trans, OFFSETS, 30.0)
    found, root = recover_motion(features, OFFSETS)
    torch.testing.assert_close(found[:, :, 1:22], pose[:, :-1, 1:22], rtol=0, atol=1e-5)
    joints = kinematics(found, root, OFFSETS)[:, :, :22]
    torch.testing.assert_close(joints, recover_joints(features), rtol=0, atol=1e-4)
    # The gauge: the same motion turned about the vertical and moved.
    turn = pose[:, 0, 0] @ found[:, 0, 0].mT
    torch.testing.assert_close(turn[:, None] @ found[:, :, 0], pose[:, :-1, 0], rtol=0, atol=1e-4)


def test_diversity_of_equal_motions_is_zero() -> None:
    pose, trans = motion(1, 12)
    same = embed(pose, trans, OFFSETS, 30.0).expand(4, -1, -1)
    assert mdm.diversity(same) == pytest.approx(0, abs=1e-2) and mdm.diversity(same[:1]) is None
    shifted = same.clone()
    shifted[:2, :, 4:67:3] += 0.1  # two of four, 10 cm along x: 8 of 12 ordered pairs
    assert mdm.diversity(shifted) == pytest.approx(100 * 8 / 12, abs=0.1)


@pytest.mark.parametrize("count", [1, 5])
def test_the_contact_sheet_is_a_picture(tmp_path: Path, count: int) -> None:
    pose, trans = motion(count, 20)
    path = tmp_path / "new" / "sheet.png"
    sheet.draw(path, kinematics(pose, trans, OFFSETS).numpy(), 30.0, "five")
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


# ---- bodies of other builds


def test_proportions_are_symmetric_bounded_and_repeatable() -> None:
    first, second = (proportions(OFFSETS, 64, 0.1, torch.Generator().manual_seed(1)) for _ in range(2))
    assert first.shape == (64, 24, 3)
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    factor = first[:, 1:].norm(dim=-1) / OFFSETS[1:].norm(dim=-1)
    assert 0.9 <= float(factor.min()) < 0.93 and 1.07 < float(factor.max()) <= 1.1
    left, right = [3, 6, 9, 15, 17, 19, 21], [4, 7, 10, 16, 18, 20, 22]  # knee, ankle, foot, shoulder … hand, less one
    torch.testing.assert_close(factor[:, left], factor[:, right])
    assert float((factor[:, 3] - factor[:, 17]).abs().max()) > 0.02  # legs and arms vary apart
    torch.testing.assert_close(proportions(OFFSETS, 2, 0.0, torch.Generator())[1], OFFSETS)


def test_the_path_grows_with_the_legs() -> None:
    bodies = torch.stack([OFFSETS, 1.1 * OFFSETS])
    torch.testing.assert_close(leg_ratio(bodies, OFFSETS), torch.tensor([1.0, 1.1]).view(2, 1, 1))


# ---- the shipped prior on sound motion


@pytest.mark.slow
@pytest.mark.parametrize("file", [None, *beside("mocap/cmu_val.npz")])
def test_shipped_mdm_on_held_motion(tmp_path: Path, file: Path | None) -> None:
    offsets = read_offsets(file.with_name("skeleton.json")) if file else OFFSETS
    samples, file = (2, file) if file else (0, gaits(tmp_path / "gaits_val.npz"))  # a sample takes 1000 steps
    found, _ = held.hold([file], offsets, 24, 4)
    question = Asked("mdm", {}, Registry.load(), torch.device("cpu"), draws=1)
    report = measure(question, found, samples)
    rows = report["ranking"]["rows"]
    assert rows["shuffled frames"]["auc"] > 0.9 and rows["jitter"]["paired"] > 0.8
    levels, _, *drawn = report["sections"].values()
    assert levels[file.stem]["0.05"] < 0.03
    assert [set(each) for each in drawn] == [{"samples", "data", "samples / data"}] * bool(samples)
    json.dumps(report, allow_nan=False)
