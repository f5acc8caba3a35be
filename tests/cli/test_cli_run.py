"""`diffopt run` as a user types it: results, repetition, batches, and how it ends."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from cli_cases import QUICK, tree


def test_run_writes_a_result_and_says_so(diffopt, scored):
    ran = diffopt("run", scored, "--out", "out", *QUICK)
    assert ran.status == 0, ran.err
    assert {"motion.npz", "run.json"} <= tree(Path("out"))
    for word in ("rigid_clip", "speed", "path", "foot skate", "reprojection", "seconds", "wrote out"):
        assert word in ran.out
    for word in ("m (guessed)", "mm/frame (guessed)", "truth", "focal length: ", "unit: metre, guessed", "vertical: "):
        assert word in ran.out
    for stage in ("warmup", "guide", "finetune"):
        assert stage in ran.err
    saved = json.loads(Path("out/run.json").read_text())
    assert saved["recipe"]["prior"]["name"] == "none" and saved["recipe"]["representation"]["name"] == "raw"
    assert saved["status"] == "finished" and saved["provenance"]["versions"]["torch"]
    with np.load("out/motion.npz") as motion:
        assert motion["joints"].shape == (12, 24, 3)


def test_without_truth_there_are_still_numbers(diffopt, case):
    ran = diffopt("run", case, "--out", "out", *QUICK)
    assert ran.status == 0, ran.err
    assert "rigid_clip" not in ran.out and "reprojection" in ran.out


def test_default_folder_is_named_after_the_clip(diffopt, case):
    assert diffopt("run", case, "--quiet", *QUICK).status == 0
    assert Path("runs/walk/motion.npz").is_file()


def test_quiet_says_nothing(diffopt, case):
    ran = diffopt("run", case, "--out", "out", "--quiet", *QUICK)
    assert (ran.status, ran.out, ran.err) == (0, "", "")


WARNS = """
import logging
from diffopt_core.config import ComponentConfig
from diffopt_core.plugin import Component, hookimpl

class Shaky(ComponentConfig):
    def build(self, ctx):
        return self

    def trajectory(self, clip, observations):
        logging.getLogger(__name__).warning("%s: the camera shakes", clip.name)
        return clip.camera

    def export(self, result, folder):
        logging.getLogger(__name__).warning("nothing to export")
        return []

@hookimpl
def diffopt_components():
    return [Component(kind, "shaky", "shaky:Shaky", "of the tests") for kind in ("camera", "exporter")]
"""
LISTENS = """
from pathlib import Path
from diffopt_core.plugin import hookimpl

def note(*words):
    with Path("heard.txt").open("a") as file:
        print(*words, file=file)

@hookimpl
def diffopt_run_started(run):
    note("started", len(run.inputs))

@hookimpl
def diffopt_stage_finished(run, stage, log):
    note(stage, "pose" in log.of_clip(0))

@hookimpl
def diffopt_run_finished(run, result):
    note("finished", result.clip.name, run.folder(result.clip.name).is_dir())
"""


def test_a_plugin_hears_a_run_begin_each_stage_end_and_each_result_written(diffopt, case):
    Path("listens.py").write_text(LISTENS)
    assert diffopt("run", case, "--out", "out", "-p", "listens.py", *QUICK).status == 0
    heard = Path("heard.txt").read_text().splitlines()
    assert heard == ["started 1", "warmup True", "guide True", "finetune True", "finished walk True"]


def test_what_a_component_warns_of_is_in_run_json(diffopt, case):
    """Also under --quiet, where nobody is told; of each clip its own."""
    Path("shaky.py").write_text(WARNS)
    other = Path("other.npz")
    other.write_bytes(case.read_bytes())
    asked = ("-p", "shaky.py", "--camera", "shaky", "--set", 'exporters=["npz","shaky"]', "--quiet", *QUICK)
    ran = diffopt("run", case, other, "--out", "out", *asked)
    assert (ran.status, ran.err) == (0, "")
    for name in ("walk", "other"):
        told = json.loads((Path("out") / name / "run.json").read_text())["warnings"]
        assert told == [f"{name}: the camera shakes", "nothing to export"]


@pytest.mark.slow
def test_picture(diffopt, case):
    flags = [flag for flag in QUICK if flag != "--no-picture"]
    assert diffopt("run", case, "--out", "out", "--quiet", *flags).status == 0
    assert Path("out/picture.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_run_is_kept_and_another_refused(diffopt, case):
    assert diffopt("run", case, "--out", "out", "--quiet", *QUICK).status == 0
    before = Path("out/motion.npz").stat().st_mtime_ns
    again = diffopt("run", case, "--out", "out", *QUICK)
    assert again.status == 0 and "kept" in again.err
    other = diffopt("run", case, "--out", "out", "--seed", "1", *QUICK)
    assert other.status == 2
    assert "the result of another run" in other.error and "--overwrite" in other.error
    assert Path("out/motion.npz").stat().st_mtime_ns == before
    replaced = diffopt("run", case, "--out", "out", "--seed", "1", "--overwrite", *QUICK)
    assert replaced.status == 0 and json.loads(Path("out/run.json").read_text())["seed"] == 1


def test_run_json_repeats_bit_for_bit(diffopt, scored):
    assert diffopt("run", scored, "--out", "out", "--quiet", "--seed", "3", *QUICK).status == 0
    ran = diffopt("run", "out/run.json", "--no-picture")
    assert ran.status == 0, ran.err
    assert "identical to out/motion.npz, bit for bit" in ran.out
    saved = json.loads(Path("out-repeat/run.json").read_text())
    assert saved["seed"] == 3 and saved["fingerprint"] == json.loads(Path("out/run.json").read_text())["fingerprint"]


def test_repeat_sees_a_changed_original(diffopt, case):
    assert diffopt("run", case, "--out", "out", "--quiet", *QUICK).status == 0
    with np.load("out/motion.npz") as file:
        motion = dict(file)
    motion["joints"] = motion["joints"] + np.float32(0.5)
    np.savez("out/motion.npz", **motion)
    assert "differs: joints by up to 0.5" in diffopt("run", "out/run.json", "--no-picture").out


def test_repeat_refuses_another_input(diffopt, case, arrays):
    assert diffopt("run", case, "--out", "out", "--quiet", *QUICK).status == 0
    np.savez(case, **{**arrays[0], "fps": np.float32(25)})
    ran = diffopt("run", "out/run.json")
    assert ran.status == 2 and "sha256" in ran.error and not Path("out-repeat").exists()


@pytest.mark.slow
def test_repeat_finds_a_moved_input(diffopt, case):
    assert diffopt("run", case, "--out", "out", "--quiet", *QUICK).status == 0
    case.rename(case.parent.parent / "walk.npz")
    ran = diffopt("run", "out/run.json")
    assert ran.status == 2 and "does not exist" in ran.error and "diffopt run out/run.json FILE" in ran.error
    assert diffopt("run", "out/run.json", "walk.npz", "--quiet").status == 0
    assert diffopt("run", "out/run.json", "--prior", "mdm").status == 2


@pytest.mark.slow
def test_repeat_finds_an_input_beside_the_run_file(diffopt, case):
    assert diffopt("run", case, "--out", "out", "--quiet", *QUICK).status == 0
    Path(case).rename(Path("out") / Path(case).name)
    ran = diffopt("run", "out/run.json", "--no-picture")
    assert ran.status == 0, ran.error
    assert "bit for bit" in ran.out


@pytest.mark.slow
def test_batch_equals_alone_and_one_of_it_repeats(diffopt, case, arrays):
    other = case.parent / "stroll.npz"
    np.savez(other, **{**arrays[0], "keypoints": arrays[0]["keypoints"] + np.float32([2, 1, 0])})
    together = diffopt("run", case.parent, "--out", "both", *QUICK)
    assert together.status == 0, together.err
    assert "mean of 2 clips" in together.out and "for 2 clips together" in together.out
    assert diffopt("run", case, "--out", "alone", "--quiet", *QUICK).status == 0
    with np.load("both/walk/motion.npz") as a, np.load("alone/motion.npz") as b:
        np.testing.assert_allclose(a["joints"], b["joints"], atol=1e-5)
    repeated = diffopt("run", "both/stroll/run.json", "--no-picture")
    assert repeated.status == 0, repeated.err
    assert "bit for bit" in repeated.out and tree(Path("both/stroll-repeat")) >= {"motion.npz", "run.json"}


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["paper", "best"])
def test_a_batch_changes_no_bit(diffopt, case, arrays, recipe):
    """On a CPU: two clips together and one of them alone, under the prior and for a length that fills no vector."""
    other = case.parent / "stroll.npz"
    np.savez(other, **{**arrays[0], "keypoints": arrays[0]["keypoints"] + np.float32([2, 1, 0])})
    short = [word for word in QUICK if word not in ("--prior", "none", "--repr", "raw")]
    args = ("--recipe", recipe, "--quiet", "--no-report", "--frames", "0:11", *short)
    assert diffopt("run", case.parent, "--out", "both", *args).status == 0
    assert diffopt("run", case, "--out", "alone", *args).status == 0
    with np.load("both/walk/motion.npz") as a, np.load("alone/motion.npz") as b:
        for name in ("joints", "cam_t", "transl"):
            assert a[name].tobytes() == b[name].tobytes(), name


def test_a_bad_clip_costs_itself_alone(diffopt, case, arrays):
    """Truncated, empty, and with numbers that are none: each is named; the sound one is solved."""
    whole = case.read_bytes()
    (case.parent / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (case.parent / "empty.npz").write_bytes(b"")
    broken = {**arrays[0], "keypoints": arrays[0]["keypoints"] * np.nan}
    for name in ("nan_a", "nan_b"):
        np.savez(case.parent / f"{name}.npz", **broken)
    ran = diffopt("run", case.parent, "--out", "out", "--no-report", *QUICK)
    assert ran.status == 1, ran.err
    assert tree(Path("out")) >= {"walk/motion.npz", "walk/run.json"}
    assert not {"cut", "empty", "nan_a"} & {path.name for path in Path("out").iterdir()}
    for name in ("cut.npz", "empty.npz", "nan_a.npz", "nan_b.npz"):
        assert name in ran.err
    assert "4 of 5 inputs have no result" in ran.err
    assert next(line for line in ran.err.splitlines() if "keypoints" in line and line.rstrip().endswith("2"))


def test_a_clip_that_breaks_its_batch_costs_itself_alone(diffopt, case, arrays, monkeypatch):
    from diffopt_core.solver import batch

    np.savez(case.parent / "stroll.npz", **arrays[0])
    own = batch.bind

    def refuse(laid, recipe):
        if any(clip.name == "stroll" for clip in laid.batch.clips):
            raise RuntimeError("not this one")
        return own(laid, recipe)

    monkeypatch.setattr(batch, "bind", refuse)
    ran = diffopt("run", case.parent, "--out", "out", "--no-report", *QUICK)
    assert ran.status == 1 and "unexpected RuntimeError: not this one" in ran.err
    assert (Path("out/walk/motion.npz")).is_file() and not Path("out/stroll").exists()


def test_two_inputs_of_one_name(diffopt, case):
    ran = diffopt("run", case, case, *QUICK)
    assert ran.status == 2 and "two inputs have the clip name 'walk'" in ran.error


def test_settings_win_over_flags(diffopt, case):
    assert diffopt("run", case, "--out", "out", "--quiet", "--fps", "25", "--set", "input.fps=50", *QUICK).status == 0
    saved = json.loads(Path("out/run.json").read_text())
    assert saved["fps"] == 50 and saved["recipe"]["input"]["fps"] == 50


DIVERGES = """
from diffopt_core.config import TermConfig
from diffopt_core.plugin import Component, hookimpl

class Config(TermConfig):
    "Not a number."
    def build(self, ctx):
        return lambda scene: scene.motion.trans.sum((1, 2)) / (scene.progress == 0)

@hookimpl
def diffopt_components():
    return [Component("prior", "nan", f"{__name__}:Config", "not a number")]
"""


def test_diverged_is_status_1(diffopt, case):
    Path("nan_prior.py").write_text(DIVERGES)
    ran = diffopt("run", case, "--out", "out", "-p", "nan_prior.py", *QUICK, "--prior", "nan")
    assert ran.status == 1
    assert "walk: diverged: not finite: term prior at step" in " ".join(ran.error.split()) and "out" in ran.error
    assert json.loads(Path("out/run.json").read_text())["status"] == "diverged"
    with np.load("out/motion.npz") as motion:
        assert np.isfinite(motion["joints"]).all()


def test_interrupted_is_status_130(diffopt, case, monkeypatch):
    import diffopt_core.solver.batch

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(diffopt_core.solver.batch, "solve", interrupt)
    ran = diffopt("run", case, "--out", "out", *QUICK)
    assert ran.status == 130 and "Traceback" not in ran.err and not Path("out").exists()


@pytest.mark.parametrize(("debug", "shown"), [((), False), (("--debug",), True)])
def test_a_fault_of_ours_shows_its_traceback_only_under_debug(diffopt, case, monkeypatch, debug, shown):
    import diffopt_core.solver.batch

    monkeypatch.setattr(diffopt_core.solver.batch, "solve", lambda *_: 1 / 0)
    ran = diffopt("run", case, "--out", "out", *QUICK, *debug)
    assert ran.status == 70
    assert ("Traceback" in ran.err) is shown and "ZeroDivisionError" in ran.err


def test_check_writes_nothing(diffopt, scored):
    before = tree(Path())
    ran = diffopt("check", scored, "--prior", "none")
    assert ran.status == 0, ran.err
    assert "walk" in ran.out and "12/12" in ran.out and "stage guide: 400 steps" in ran.out and "ready" in ran.out
    assert "recipe: best, with prior none\n" in ran.out
    assert max(map(len, ran.out.partition("recipe: ")[2].splitlines())) <= 80
    assert tree(Path()) == before
    assert "recipe: paper\n" in diffopt("check", scored, "--recipe", "paper").out


def test_check_says_of_a_case_what_its_result_rests_on(diffopt, scored):
    ran = diffopt("check", scored, "--prior", "none")
    for what in ("focal length: ", "unit: metre, guessed from ", "frame rate: 30 fps", "body size: ", "vertical: ± "):
        assert f"\n  {what}" in ran.out, what
    assert "walk: keypoints the file's; camera the file's: it travels; first poses lift; recipe best" in " ".join(
        ran.out.split()
    )


def test_check_of_a_folder_shows_good_and_bad(diffopt, scored):
    """Each in the table once, the bad ones with their reason; status 1, as of `run`; a single bad one is status 2."""
    folder = scored.parent
    (folder / "bad.npz").write_bytes(b"")
    ran = diffopt("check", folder, "--prior", "none")
    assert ran.status == 1 and "ready" not in ran.out
    assert re.search(r"^walk +12 +30", ran.out, re.M) and re.search(r"^bad +– .*cannot be used", ran.out, re.M)
    assert "bad.npz: format: no dataset can read this file: it is empty" in ran.err
    assert "1 of 2 inputs cannot be used" in ran.err
    data = json.loads(diffopt("check", folder, "--prior", "none", "--json").out)
    assert not data["ready"] and [row["clip"] for row in data["clips"]] == ["walk"]
    assert [Path(row["input"]).name for row in data["failed"]] == ["bad.npz"]
    assert diffopt("check", folder / "bad.npz").status == 2


def test_a_bad_clip_costs_preparation_itself_alone(diffopt, scored):
    (scored.parent / "bad.npz").write_bytes(b"")
    ran = diffopt("prepare", scored.parent, "--out", "made")
    assert ran.status == 1 and "1 of 2 inputs has no result; the others are written" in ran.err
    assert tree(Path("made")) == {"walk.npz"}


@pytest.mark.parametrize("command", ["run", "check", "prepare"])
@pytest.mark.parametrize(
    ("flag", "value", "why"),
    [("--person", "longest", "the evidence of one person"), ("--env", "here", "no program is run"),
     ("--height", "1.8m", "the person's skeleton"), ("--shot", "1", "has no shots")],
)  # fmt: skip
def test_a_flag_that_this_kind_of_input_has_no_use_for_is_an_error(diffopt, case, arrays, command, flag, value, why):
    rest = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32) * 0.3
    np.savez(case, **arrays[0], rest_joints=rest)
    ran = diffopt(command, case, flag, value, "--prior", "none")
    assert ran.status == 2 and flag in ran.error and why in ran.error and "walk.npz" in ran.error


@pytest.mark.parametrize("flag", [("--person", "longest"), ("--shot", "2")])
def test_of_several_inputs_such_a_flag_is_for_the_others(diffopt, case, flag):
    (case.parent / "other.npz").write_bytes(case.read_bytes())
    ran = diffopt("check", case.parent, *flag, "--prior", "none")
    assert ran.status == 0 and ran.err.count(f"{' '.join(flag)} has no effect: ") == 2


def test_an_option_of_a_dataset_that_another_has_with_other_values(diffopt, scored):
    """EMDB's ``truth`` is a flag, a case's a file."""
    (scored.parent / "truth").rename("elsewhere")
    ran = diffopt("check", scored, "--json", "--prior", "none", "--set", f"dataset.truth=elsewhere/{scored.name}")
    assert ran.status == 0 and json.loads(ran.out)["clips"][0]["truth"] is True, ran.err


def test_demo(diffopt):
    ran = diffopt("demo", "--out", "demo", *QUICK)
    assert ran.status == 0, ran.err
    assert "rigid_clip" in ran.out and "hand-held camera" in ran.err
    assert {"demo.npz", "truth/demo.npz", "motion.npz", "run.json"} <= tree(Path("demo"))
    assert json.loads(Path("demo/run.json").read_text())["recipe"]["scale"]["mode"] == "stance"  # recipe best
    assert "bit for bit" in diffopt("run", "demo/run.json", "--no-picture").out


def test_eval(diffopt, scored):
    assert diffopt("run", scored, "--out", "out", "--quiet", *QUICK).status == 0
    truth = scored.parent / "truth"
    table = diffopt("eval", "out", "--truth", truth)
    assert table.status == 0 and "rigid_clip" in table.out and "walk" in table.out
    data = json.loads(diffopt("eval", "out", "--truth", truth, "--json", "-m", "RTE", "-m", "rigid_clip").out)
    assert set(data["clips"]["walk"]) == {"RTE", "rigid_clip"}
    saved = json.loads(Path("out/run.json").read_text())["metrics"]["final"]
    assert data["clips"]["walk"]["RTE"] == pytest.approx(saved["RTE"], rel=1e-3)


def test_eval_takes_the_truth_beside_the_input(diffopt, scored):
    """Of a result and of a folder of them; without one it is said what to give."""
    other = scored.parent / "other.npz"
    other.write_bytes(scored.read_bytes())
    assert diffopt("run", scored, other, "--out", "set", "--quiet", *QUICK).status == 0
    given = diffopt("eval", "set/walk", "--truth", scored.parent / "truth", "-m", "RTE", "--json").out
    assert diffopt("eval", "set/walk", "-m", "RTE", "--json").out == given
    error = diffopt("eval", "set/other").error
    assert "--truth: give its ground truth, a file or a folder with other.npz" in error and "is not there" in error
    assert "--partial scores the cases that have one" in diffopt("eval", "set").error
    table = diffopt("eval", "set", "--partial", "-m", "RTE")
    assert table.status == 0 and "1 case of set" in table.out and "[" not in table.out.partition("Intervals")[2]


def test_nothing_that_can_be_scored_gives_reasons_and_no_empty_table(diffopt, scored):
    assert diffopt("run", scored, "--out", "set/walk", "--quiet", *QUICK).status == 0
    truth = scored.parent / "truth" / scored.name
    with np.load(truth) as old:
        np.savez(truth, **{key: value[:9] if np.ndim(value) and len(value) == 12 else value
                           for key, value in old.items()})  # fmt: skip
    ran = diffopt("eval", "set", "--truth", scored.parent / "truth", "--partial")
    assert ran.status == 1 and ran.out == "" and "9 frames, but set/walk/motion.npz has 12" in ran.err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["eval", "gone", "--truth", "t"], "gone: RESULT: does not exist"),
        (["eval", "out", "--truth", "t"], "t: --truth: does not exist"),
        (["eval", "out", "--truth", "empty"], "empty: --truth: contains no out.npz"),
        (["eval", "out", "--truth", "empty", "-m", "rigid_clap"], "Did you mean 'rigid_clip'"),
    ],
)  # fmt: skip
def test_eval_of_nothing(diffopt, args, message):
    Path("out").mkdir()
    Path("empty").mkdir()
    np.savez("out/motion.npz", joints=np.zeros((3, 24, 3)), fps=30.0)
    ran = diffopt(*args)
    assert ran.status == 2 and message in ran.error


def test_simulate(diffopt, scored):
    truth = scored.parent / "truth"
    ran = diffopt("simulate", truth, "--out", "cases", "--count", "1", "--frames", "10", "--fps", "30")
    assert ran.status == 0, ran.err
    assert "wrote 1 case " in ran.out
    assert {"case_00.npz", "truth/case_00.npz"} <= tree(Path("cases"))
    assert diffopt("check", "cases", "--prior", "none").status == 0
    none = diffopt("simulate", truth, "--out", "cases", "--frames", "500", "--fps", "30")
    assert none.status == 2 and "500 frames" in none.error
