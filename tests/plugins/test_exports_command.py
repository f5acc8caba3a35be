"""``diffopt export``: from a result folder to files, all that can be written."""

from __future__ import annotations

import errno
import json
import os

import numpy as np
import pytest
from diffopt_core.cli import main
from exports_cases import FRAMES, exporter, walk


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exporter("npz").export(walk(), tmp_path / "result")
    (tmp_path / "result" / "run.json").write_text(json.dumps({"diffopt_run": 1, "clip": "walk", "status": "finished"}))
    return tmp_path / "result"


def run(capsys, *args):
    capsys.readouterr()
    status = main([str(arg) for arg in args])
    streams = capsys.readouterr()
    return status, streams.out, streams.err


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_files_go_beside_the_motion(folder, capsys):
    status, out, err = run(capsys, "export", folder, "--to", "glb,bvh,csv")
    assert status == 0 and err == "" and f"{FRAMES} frames at 30 fps" in out
    assert {"motion.glb", "motion.bvh", "motion.csv", "motion.npz", "run.json"} <= set(names(folder))
    assert not [name for name in names(folder) if name.startswith(".")]


def test_json_lists_files_and_facts(folder, capsys, tmp_path):
    args = ("--to", "bvh,amass", "--fps", "60", "--origin", "--feet", "auto", "--up", "z", "--set", "bvh.names=mixamo")
    status, out, _ = run(capsys, "export", folder / "motion.npz", *args, "--json", "--out", tmp_path / "new")
    told = json.loads(out)
    assert status == 0 and set(told["formats"]) == {"bvh", "amass"} and told["clip"] == "walk"
    facts = told["formats"]["bvh"]["facts"]
    assert facts["fps"] == 60 and facts["frames"] == 2 * FRAMES - 1 and facts["feet"]["policy"] == "auto"
    assert "z up" in facts["axes"] and facts["joints"][0] == "mixamorig:Hips"
    assert names(tmp_path / "new") == ["amass.npz", "amass.npz.json", "motion.bvh", "motion.bvh.json"]
    status, out, _ = run(capsys, "export", folder, "--quiet")
    assert status == 0 and out == ""


def test_a_motion_file_is_exported_under_its_name(folder, capsys, tmp_path):
    exporter("amass").export(walk(), tmp_path)
    os.replace(tmp_path / "amass.npz", tmp_path / "jog.npz")
    status, _, _ = run(capsys, "export", "jog.npz", "--to", "trc")
    assert status == 0 and names(tmp_path / "exports" / "jog") == ["motion.trc", "motion.trc.json"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--to", "glv"), "unknown format 'glv'. Did you mean 'glb'?"),
        (("--to", ","), "expected format names"),
        (("--fps", "0.4"), "fps"),
        (("--fps", "300"), "fps"),
        (("--up", "x"), "up"),
        (("--feet", "sometimes"), "feet"),
        (("--set", "bvh.names=mixamo"), "unknown format in --set 'bvh'"),
        (("--set", "glb.nmaes=mixamo"), "unknown option of exporter 'glb' 'nmaes'"),
        (("--set", "names=1"), "expected FORMAT.KEY=VALUE"),
        (("--to", "json", "--fps", "60"), "has no option fps"),
        (("--out", "result/motion.npz"), "is a file"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_written(folder, capsys, args, says):
    before = names(folder)
    status, out, err = run(capsys, "export", folder, *args)
    assert status == 2 and out == "" and says in err and len(err.strip().splitlines()) == 1
    assert names(folder) == before and "exports" not in names(folder.parent)


def test_a_full_disk_leaves_no_half_file(folder, capsys, monkeypatch):
    before = names(folder)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savetxt", full)
    status, _, err = run(capsys, "export", folder, "--to", "glb,bvh,csv")
    assert status == 2 and "No space left on device" in err and len(err.strip().splitlines()) == 1
    assert names(folder) == before, "the formats before it are not left behind either"


def test_a_forbidden_folder_is_named(folder, forbidden, capsys):
    status, _, err = run(capsys, "export", folder, "--out", forbidden)
    assert status == 2 and forbidden.name in err and len(err.strip().splitlines()) == 1


def test_help_names_formats_and_policies(capsys):
    status, out, _ = run(capsys, "export", "--help")
    assert status == 0
    flat = " ".join(out.replace("│", " ").split())
    for word in ("glb, bvh, amass, usd, csv, trc, fbx", "--fps", "--up", "--unit", "--origin", "--feet", "--json"):
        assert word in flat


def test_a_run_writes_what_its_recipe_exports(capsys, tmp_path, monkeypatch):
    """What ``--export`` of ``run`` stands for: exporters named in the recipe."""
    from diffopt_core.host.recipe import assign, parse

    table = assign({}, ["exporters=['npz', 'glb', {name = 'bvh', names = 'mixamo'}]"])
    recipe = parse(table, "recipe")
    assert [spec.name for spec in recipe.exporters] == ["npz", "glb", "bvh"]
    assert recipe.exporters[2].options == {"names": "mixamo"}


def test_what_can_be_written_is_written_and_the_rest_named(folder, capsys, monkeypatch):
    """A missing package, and a format that fails on the way, cost themselves alone; status 1."""
    from diffopt_core.errors import DiffOptError, MissingResource
    from diffopt_exports.configs import UsdConfig
    from diffopt_exports.text import TrcExporter

    def missing(self, ctx):
        raise MissingResource("exporter 'usd' needs usd-core: pip install usd-core")

    def broken(self, path, performance, axes):
        path.write_text("half")
        raise DiffOptError(f"{path}: no marker has a name")

    monkeypatch.setattr(UsdConfig, "build", missing)
    monkeypatch.setattr(TrcExporter, "write", broken)
    status, out, err = run(capsys, "export", folder, "--to", "usd,csv,trc")
    assert status == 1 and "motion.csv" in out and "pip install usd-core" in err
    assert f"{folder / 'motion.trc'}: no marker has a name" in err and "2 of 3 formats are not written: usd, trc" in err
    assert "motion.csv" in names(folder) and "motion.trc" not in names(folder)
    status, out, _ = run(capsys, "export", folder, "--to", "all", "--json")
    said = json.loads(out)
    assert status == 1 and {"usd", "trc"} <= set(said["failed"]) and {"glb", "bvh", "amass"} <= set(said["formats"])
    assert run(capsys, "export", folder, "--to", "usd")[0] == 2, "nothing to write is an error"
