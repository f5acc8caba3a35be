"""Folders of sequences as clips: subsets, segments, the paper's two protocols."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from diffopt_core.cli import main
from diffopt_core.errors import BadInput
from diffopt_core.host.recipe import assign, load, parse
from diffopt_core.host.registry import Registry
from diffopt_core.interfaces import ListsClips
from diffopt_core.perception.finding import expand
from diffopt_inits.emdb.config import EmdbConfig
from diffopt_inits.emdb.dataset import EMDB1, EMDB2, PAPER, SUBSETS, absent, in_subset
from emdb_cases import sequence, write

#: Frames of a small release: in EMDB-2 and the paper's; in EMDB-1; in neither.
SMALL = {"P4_37_outdoor_run_circle": 24, "P3_33_outdoor_soccer_warmup_b": 10, "P5_41_indoor_jogging_workout": 21}


@pytest.fixture
def release(models, tmp_path):
    root = tmp_path / "EMDB"
    for name, frames in SMALL.items():
        data, _ = sequence(models, name, frames, emdb1=name in EMDB1, emdb2=name in EMDB2)
        write(root, data, name)
    return root


def clips(path, **options):
    dataset = EmdbConfig(**options).build(None)  # type: ignore[arg-type]
    assert dataset.accepts(path)
    return [clip.name.replace("_data.pkl", "") for clip in dataset.clips(path)]


def test_the_lists():
    assert (len(EMDB1), len(EMDB2), len(PAPER)) == (17, 25, 7)
    for entries in SUBSETS.values():
        assert len(set(entries)) == len(entries)
    assert sorted(set(EMDB1) & set(EMDB2)) == [
        "P6_49_outdoor_big_stairs_down", "P7_57_outdoor_rock_chair", "P8_64_outdoor_skateboard",
    ]  # fmt: skip
    assert [name for name in sorted({*EMDB1, *EMDB2}) if in_subset("paper", name)] == [
        "P0_09_outdoor_walk", "P1_14_outdoor_climb", "P3_32_outdoor_soccer_warmup_a", "P4_37_outdoor_run_circle",
        "P7_58_outdoor_parcours",
    ]  # fmt: skip
    assert not in_subset("paper", "P9_79_outdoor_walk_rectangle") and in_subset("all", "anything")
    assert absent("paper", ["P1_16_outdoor_warmup"]) == [name for name in PAPER if name != "16_outdoor_warmup"]


def test_every_level_of_the_folder(release):
    assert isinstance(EmdbConfig().build(None), ListsClips)  # type: ignore[arg-type]
    assert sorted(clips(release)) == sorted(SMALL)
    assert clips(release / "P4") == clips(release / "P4" / "37_outdoor_run_circle") == ["P4_37_outdoor_run_circle"]
    with pytest.raises(BadInput, match="holds 3 sequences"):
        EmdbConfig().build(None).load(release)  # type: ignore[arg-type]


def test_subsets(release, caplog):
    assert clips(release, subset="emdb1") == ["P3_33_outdoor_soccer_warmup_b"]
    assert "16 of 17 sequences of emdb1 are missing: P1_14_outdoor_climb, " in caplog.text
    assert clips(release, subset="emdb2") == ["P4_37_outdoor_run_circle"]
    assert clips(release, subset="paper") == ["P4_37_outdoor_run_circle", "P5_41_indoor_jogging_workout"]
    with pytest.raises(BadInput, match="subset: emdb1 has no sequence in common"):
        clips(release / "P4", subset="emdb1")


def test_segments(release, caplog):
    assert clips(release, segment=10, subset="paper") == [
        "P4_37_outdoor_run_circle#0:10", "P4_37_outdoor_run_circle#10:20",
        "P5_41_indoor_jogging_workout#0:10", "P5_41_indoor_jogging_workout#10:20",
    ]  # fmt: skip
    assert "P4_37_outdoor_run_circle: frames 20:24 are less than a segment and left out" in caplog.text
    kept = clips(release, segment=10, subset="paper", remainder="keep")
    assert kept[2] == "P4_37_outdoor_run_circle#20:24" and kept[-1] == "P5_41_indoor_jogging_workout#10:20"
    assert "P5_41_indoor_jogging_workout: frames 20:21" in caplog.text, "one frame cannot be solved"
    file = release / "P4" / "37_outdoor_run_circle" / "P4_37_outdoor_run_circle_data.pkl"
    dataset = EmdbConfig(segment=10).build(None)  # type: ignore[arg-type]
    assert [dataset.load(clip).num_frames for clip in dataset.clips(file)] == [10, 10]
    part = file.with_name(file.name + "#3:9")
    assert dataset.accepts(part) and list(dataset.clips(part)) == [part], "what is named is not cut again"
    with pytest.raises(BadInput, match="24 frames contain no segment of 100"):
        clips(file, segment=100)


def test_segments_without_a_good_frame(models, tmp_path, caplog):
    data, _ = sequence(models)
    data["good_frames_mask"][8:16] = False
    assert [name.partition("#")[2] for name in clips(write(tmp_path, data), segment=8)] == ["0:8", "16:24"]
    assert "without a good frame are left out: 8:16" in caplog.text


def test_the_papers_protocols(release):
    assert EmdbConfig(protocol="trimmed").chosen() == ("paper", 100)
    assert EmdbConfig(protocol="untrimmed").chosen() == ("all", None)
    assert len(clips(release, protocol="untrimmed")) == 3
    with pytest.raises(BadInput, match="contain no segment of 100"):
        clips(release, protocol="trimmed")


@pytest.mark.parametrize("dataset", ["auto", "emdb"])
def test_the_command_line_asks_the_dataset(release, dataset):
    registry = Registry.load()
    settings = ["dataset.segment=10", "dataset.subset=emdb2"]
    table = assign({**load("paper", registry.recipes), "dataset": dataset}, settings)
    found = expand([release], registry, parse(table, "test"))
    assert [path.name for path in found] == [f"P4_37_outdoor_run_circle_data.pkl#{s}" for s in ("0:10", "10:20")]
    assert expand(found, registry, parse(table, "test")) == found


ORACLE = """
import torch
from diffopt_core.config import ComponentConfig
from diffopt_core.plugin import Component, hookimpl
from diffopt_core.types import CameraFrameBody


class Oracle:
    def initialize(self, clip, observations, camera):
        motion = clip.truth.motion
        R = camera.R @ motion.pose[:, 0]
        t = (camera.R @ motion.trans.unsqueeze(-1)).squeeze(-1) + camera.t
        return CameraFrameBody(R, motion.pose[:, 1:], t, torch.zeros(10), "anny24")


class OracleConfig(ComponentConfig):
    def build(self, ctx):
        return Oracle()


@hookimpl
def diffopt_components():
    return [Component("initializer", "oracle", f"{__name__}:OracleConfig", "the true pose, seen by the camera")]
"""


@pytest.mark.slow
def test_a_run_over_segments(release, tmp_path, monkeypatch, capsys):
    """From a folder to scored results, and one of them repeated from its run file."""
    monkeypatch.chdir(tmp_path)
    Path("oracle_init.py").write_text(ORACLE)
    flags = ["--camera", "gt", "--init", "oracle", "-p", "oracle_init.py", "--prior", "none", "--repr", "raw",
             "--body", "anny24", "--no-picture", "--set", "dataset.keypoints=truth", "--set", "dataset.segment=10",
             "--set", "dataset.subset=emdb2", "--set", "stage.warmup.all.steps=2", "--set", "stage.guide.rounds=1",
             "--set", "stage.finetune.all.steps=2"]  # fmt: skip
    assert main(["run", str(release), "--out", "out", *flags]) == 0, capsys.readouterr().err
    results = sorted(path.name for path in Path("out").iterdir())
    assert results == ["P4_37_outdoor_run_circle_00000_00010", "P4_37_outdoor_run_circle_00010_00020", "index.csv"]
    told = json.loads((Path("out") / results[1] / "run.json").read_text())
    assert told["inputs"][1].endswith("P4_37_outdoor_run_circle_data.pkl#10:20")
    assert told["metrics"]["initial"]["W-MPJPE100"] < 50 and told["clip"] == results[1]
    notices = capsys.readouterr().err.splitlines()
    assert sum("2D keypoints are the projected truth" in line for line in notices) == 1, "two clips, said once"
    again = ["run", f"out/{results[1]}/run.json", "--no-picture", "-p", "oracle_init.py"]
    assert main([*again, "--out", "again"]) == 0, capsys.readouterr().err
    assert "identical" in "".join(capsys.readouterr())
    (release / "P4").rename(release / "P4-elsewhere")
    assert main([*again, "--out", "third"]) == 2
    assert "_data.pkl#0:10 does not exist" in capsys.readouterr().err
