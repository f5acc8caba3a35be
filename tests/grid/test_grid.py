"""Plans, resuming, failing cells, lost workers, locks, a full disk."""

from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from diffopt_core.common.npz import read_npz, write_npz
from diffopt_core.errors import BadInput, DiffOptError, UnknownName
from diffopt_core.perception.perceive import open_clip
from diffopt_lab.grid import known, planning
from diffopt_lab.grid.carry_out import carry_out, only_one, settled
from diffopt_lab.grid.collect import collect
from diffopt_lab.grid.plan import names, slug, table
from diffopt_lab.grid.work import read_status
from diffopt_lab.study.data import failures
from grid_cases import Here


def solve(plan, out, runner=None, **options):
    runner, told = runner or Here(), []
    carry_out(
        plan, out, runner, lambda key, state: told.append((key.row.name, key.case.name, key.seed, state)), **options
    )
    return runner, told


def test_every_shipped_table_resolves(registry):
    from diffopt_core.host.recipe import load, parse

    assert names() == ["best-parts", "table2", "table3", "table4", "table5"]
    for name in names():
        _, spec = table(name, registry.recipes)
        for row in spec.row:
            parse(load(row.recipe, registry.recipes))
        for metric in spec.metrics:
            registry.component("metric", metric)
    assert len(table("table5", registry.recipes)[1].row) == 7
    few = table("table5", registry.recipes, ("table5/vposer", "paper"))[1]
    assert [row.label for row in few.row] == ["VPoser prior", "DiffOpt"] and few.reference == "paper"


def test_a_table_of_ones_own(tmp_path, registry):
    file = tmp_path / "mine.toml"
    file.write_text('title = "Mine"\n[[row]]\nrecipe = "paper"\n[[row]]\nrecipe = "paper"\nset = ["prior=none"]\n')
    name, spec = table(str(file), registry.recipes)
    assert (name, [row.key for row in spec.row]) == ("mine", ["paper", "paper prior=none"])
    file.write_text('title = "Mine"\n[[row]]\nrecipe = "paper"\n[[row]]\nrecipe = "paper"\n')
    with pytest.raises(BadInput, match="two rows are called 'paper'"):
        table(str(file), registry.recipes)
    with pytest.raises(UnknownName, match="Did you mean 'table5'"):
        table("tabel5", registry.recipes)


def test_a_grid_is_solved_in_batches_and_reported(planned, registry):
    plan, out = planned(seeds=(0, 1))
    runner, told = solve(plan, out)
    assert len(runner.done) == 4 and len(told) == 8, "a job per recipe and seed, a cell per case of it"
    assert all(state == "done" for *_, state in told)
    study = collect(plan, out, registry)
    assert [row.label for row in study.rows] == ["Initial placement", "paper", "table5/no-warmup", "Truth"]
    assert len(study.by_case("paper", "rigid_clip")) == 2 and study.seeds == [0, 1]
    cell = study.of("paper")[0]
    assert cell.together == 2 and set(cell.seconds) == {"bind", "warmup", "guide", "finetune"} and cell.memory
    assert cell.motion.is_file() and study.cases[0].truth.is_file()
    assert study.data.startswith("2 ") and "not " not in study.data
    assert not list(out.glob("progress*"))
    run = cell.motion.parent / "run.json"
    guess = {"what": "unit", "said": "metre, guessed", "guessed": True}
    run.write_text(json.dumps({**json.loads(run.read_text()), "assumed": [guess]}))
    more = replace(plan, metrics=(*plan.metrics, "jitter"))
    assert collect(more, out, registry).units["jitter"] == "10 m/s^3 (guessed)"


def test_what_is_done_is_not_done_again(planned, registry):
    plan, out = planned()
    solve(plan, out)
    runner, told = solve(plan, out)
    assert not runner.done and not told
    shutil.rmtree(out / "cells" / "paper" / "seed0" / "walk_1")
    (job,) = solve(plan, out)[0].done
    assert list(job.data["cases"]) == ["walk_1"]


def test_a_result_without_its_status_is_kept(planned):
    """Killed between the two: the result is there, the word of it is not."""
    plan, out = planned("paper")
    solve(plan, out)
    cell = out / "cells" / "paper" / "seed0" / "walk_0"
    before = (cell / "motion.npz").stat().st_mtime_ns
    (cell / "status.json").unlink()
    solve(plan, out)
    assert (cell / "motion.npz").stat().st_mtime_ns == before and read_status(cell).state == "done"


def test_half_a_result_is_done_again(planned):
    plan, out = planned("paper")
    solve(plan, out)
    cell = out / "cells" / "paper" / "seed0" / "walk_0"
    (cell / "run.json").unlink()  # as after a kill while its files were moved into place
    assert len(settled(plan, out)) == 1
    solve(plan, out)
    assert json.loads((cell / "run.json").read_text())["status"] == "finished"


@pytest.mark.slow
def test_other_runs_are_not_overwritten_unless_told(planned):
    plan, out = planned("paper")
    solve(plan, out)
    other, _ = planned("paper", settings=("stage.warmup.all.steps=3",))
    with pytest.raises(DiffOptError, match=r"recipe 'paper' has changed since, in stage.warmup.all.steps"):
        solve(other, out)
    _, told = solve(other, out, overwrite=True)
    assert len(told) == 2
    more, _ = planned("paper,table5/no-warmup", seeds=(0, 1), settings=("stage.warmup.all.steps=3",))
    assert len(solve(more, out)[1]) == 6, "rows and seeds may be added"


def test_a_changed_truth_leaves_no_old_score(planned, data, registry):
    plan, out = planned("paper")
    solve(plan, out)
    before = collect(plan, out, registry).by_case("paper", "rigid_clip")
    path = data / "truth" / "walk_0.npz"
    write_npz(path, (truth := read_npz(path)) | {"joints": truth["joints"] * np.float32(1.05)})
    changed, _ = planned("paper")
    with pytest.raises(DiffOptError, match="case 'walk_0', its truth or the device has changed since"):
        solve(changed, out)
    assert [case for _, case, _, _ in solve(changed, out, overwrite=True)[1]] == ["walk_0"]
    after = collect(changed, out, registry).by_case("paper", "rigid_clip")
    assert after["walk_0"] != before["walk_0"] and after["walk_1"] == before["walk_1"]


def test_a_failing_case_costs_no_other(planned, data, registry):
    """One file breaks between planning and solving: its cells fail with the reason, its batch goes on."""
    plan, out = planned()
    (data / "walk_1.npz").write_bytes(b"broken")
    _, told = solve(plan, out)
    assert sorted((case, state) for _, case, _, state in told) == [("walk_0", "done")] * 2 + [("walk_1", "failed")] * 2
    bad = failures(collect(plan, out, registry))
    assert len(bad) == 2 and all("walk_1.npz: file: is not an .npz" in why for _, why in bad)


def test_failed_cells_are_tried_again(planned, data, arrays):
    plan, out = planned("paper")
    (data / "walk_1.npz").unlink()
    solve(plan, out)
    np.savez(data / "walk_1.npz", **arrays[1][0])
    _, told = solve(plan, out)
    assert told == [("paper", "walk_1", 0, "done")]


def test_cases_that_cannot_be_used_are_planned_as_failing(planned, data, registry):
    (data / "truth" / "walk_0.npz").unlink()
    plan, out = planned("paper")
    solve(plan, out)
    ((cell, why),) = failures(collect(plan, out, registry))
    assert cell == "paper, walk_0, seed 0" and "truth: no ground truth to score against" in why


def test_a_case_that_kills_its_worker_costs_itself_alone(planned, registry):
    plan, out = planned("paper")
    runner, told = solve(plan, out, Here("walk_1"))
    assert [list(job.data["cases"]) for job in runner.done] == [["walk_0", "walk_1"], ["walk_0"], ["walk_1"]]
    assert {(case, state) for _, case, _, state in told} == {("walk_0", "done"), ("walk_1", "failed")}
    ((_, why),) = failures(collect(plan, out, registry))
    assert "killed by signal 9 (twice)" in why


def test_what_was_read_is_not_read_again(planned, data, registry, monkeypatch):
    """Cases and cells, unless their files were touched since."""
    plan, out = planned("paper")
    solve(plan, out)
    study = collect(plan, out, registry)
    opened, read = [], []
    monkeypatch.setattr(planning, "open_clip", lambda path, *rest: opened.append(path.name) or open_clip(path, *rest))
    monkeypatch.setattr(known, "read_status", lambda folder: read.append(folder.name) or read_status(folder))
    again, _ = planned("paper")
    assert again == plan and len(settled(again, out)) == 2 and not opened and not read
    assert collect(again, out, registry).cells == study.cells
    os.utime(data / "walk_0.npz")
    (out / "cells" / "paper" / "seed0" / "walk_1" / "motion.npz").unlink()
    again, _ = planned("paper")
    assert len(settled(again, out)) == 1 and opened == ["walk_0.npz"] and read == ["walk_1"]


def test_batches_do_not_follow_the_workers(planned):
    class Four(Here):
        workers = 4

    plan, out = planned()
    jobs = solve(plan, out, Four())[0].done
    assert [len(job.data["cases"]) for job in jobs] == [2, 2]


def test_a_truncated_case_is_named(planned, data, registry):
    """It is no case file any more, but it lies among them."""
    (data / "walk_9.npz").write_bytes((data / "walk_0.npz").read_bytes()[:2000])
    plan, out = planned("paper")
    _, told = solve(plan, out)
    assert sorted(case for _, case, _, _ in told) == ["walk_0", "walk_1"]
    ((cell, why),) = failures(collect(plan, out, registry))
    assert cell == "paper, walk_9, seed 0" and "walk_9.npz" in why


def test_a_full_disk_stops_the_grid_in_one_line(planned, monkeypatch):
    def full(run, report, failed):
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise DiffOptError("cannot write motion.npz") from error

    monkeypatch.setattr("diffopt_lab.grid.work.execute", full)
    plan, out = planned()
    with pytest.raises(DiffOptError, match=r"the disk is full .No space left on device.; make room and start"):
        solve(plan, out)


@pytest.mark.slow
def test_the_same_grid_twice_at_once(tmp_path):
    import subprocess
    import sys

    code = "import sys; from pathlib import Path; from diffopt_lab.grid.carry_out import only_one\n"
    code += "with only_one(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(DiffOptError, match=f"already running by process {holder.pid} on"), only_one(tmp_path):
        pass
    holder.kill()
    holder.wait()
    with only_one(tmp_path):
        pass  # the lock of a dead process is nobody's


def test_results_of_other_systems_stand_in_the_same_table(planned, tmp_path, registry):
    plan, out = planned("paper")
    solve(plan, out)
    theirs = tmp_path / "wham"
    theirs.mkdir()
    for name in ("walk_0", "stranger"):
        shutil.copy(out / "cells" / "paper" / "seed0" / "walk_0" / "motion.npz", theirs / f"{name}.npz")
    plan, out = planned("paper", systems={"wham": theirs})
    study = collect(plan, out, registry)
    assert study.by_case("wham", "rigid_clip")["walk_0"] == pytest.approx(
        study.by_case("paper", "rigid_clip")["walk_0"], rel=1e-4
    )
    assert any("walk_1.npz" in why for _, why in failures(study))
    assert any("stranger.npz" in note for note in study.notes)


def test_folders_of_rows_are_their_own():
    assert slug("table5/no-warmup") == "table5-no-warmup" and slug("paper prior=none") != slug("paper prior none")
    assert "/" not in slug("../../etc") and slug("..") not in {"..", "."}
