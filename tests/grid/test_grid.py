"""Plans, resuming, failing cells, lost workers, a full disk."""

from __future__ import annotations

import errno
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from diffopt_core.common.npz import read_npz, write_npz
from diffopt_core.common.storage import Folder
from diffopt_core.errors import BadInput, DiffOptError, UnknownName
from diffopt_core.results.shards import on_disk, read_index
from diffopt_lab.grid import planning
from diffopt_lab.grid.carry_out import carry_out
from diffopt_lab.grid.collect import collect
from diffopt_lab.grid.plan import names, slug, table
from diffopt_lab.study.data import failures
from diffopt_lab.study.pictures import draw_paths, write_players
from grid_cases import Here


def solve(plan, out, runner=None, **options):
    runner = runner or Here()
    carry_out(plan, out, runner, **options)
    return runner


def cases(job) -> list[str]:
    return [each["path"].rpartition("/")[2].removesuffix(".npz") for each in job.data["inputs"]]


def states(out) -> dict[str, str]:
    return {row["key"]: row["state"] for row in read_index(Folder(str(out / "cells")))}


@pytest.fixture(params=["folders", "shards"])
def kept(request, monkeypatch) -> str:
    """How results are kept: as for tens of cells, and as for many."""
    if request.param == "shards":
        monkeypatch.setattr("diffopt_core.results.carry.FOLDERS", 1)
    return request.param


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


def test_a_grid_is_solved_in_batches_and_reported(planned, registry, kept):
    plan, out = planned(seeds=(0, 1))
    assert len(solve(plan, out).done) == 4, "a job per recipe and seed"
    assert len(states(out)) == 8 and set(states(out).values()) <= {"finished", "doubtful"}
    assert bool(list((out / "cells").glob("shard-*.tar"))) == (kept == "shards")
    study = collect(plan, out, registry)
    assert [row.label for row in study.rows] == ["Initial placement", "paper", "table5/no-warmup", "Truth"]
    assert len(study.by_case("paper", "rigid_clip")) == 2 and study.seeds == [0, 1]
    cell = study.of("paper")[0]
    assert cell.together == 2 and set(cell.seconds) == {"bind", "warmup", "guide", "finetune"} and cell.memory
    assert study.cases[0].truth.is_file() and study.cases[0].frames == 12
    assert study.data.startswith("2 ") and "not " not in study.data
    assert len(write_players(study, out).pages) == 2 and draw_paths(study)
    if kept == "folders":
        run = cell.motion.parent / "run.json"
        guess = {"what": "unit", "said": "metre, guessed", "guessed": True}
        run.write_text(json.dumps({**json.loads(run.read_text()), "assumed": [guess]}))
        more = replace(plan, metrics=(*plan.metrics, "jitter"))
        assert collect(more, out, registry).units["jitter"] == "10 m/s^3 (guessed)"


def test_shards_hold_the_same_cells_as_folders(planned, registry, monkeypatch):
    plan, out = planned("paper")
    solve(plan, out)
    study = collect(plan, out, registry)
    out.rename(out.with_name("folders"))
    monkeypatch.setattr("diffopt_core.results.carry.FOLDERS", 1)
    solve(plan, out)
    for a, b in zip(study.cells, collect(plan, out, registry).cells, strict=True):
        assert (a.row, a.case, a.seed, a.state, a.values) == (b.row, b.case, b.seed, b.state, b.values)
        if b.motion:
            mine = out.with_name("folders") / a.motion.relative_to(out)
            assert mine.read_bytes() == (on_disk(b.motion) / "motion.npz").read_bytes()


def test_what_is_done_is_not_done_again(planned, kept):
    plan, out = planned()
    solve(plan, out)
    assert not solve(plan, out).done
    if kept == "folders":
        shutil.rmtree(out / "cells" / "paper" / "seed0" / "walk_1")
        (job,) = solve(plan, out).done
        assert cases(job) == ["walk_1"]
    else:
        (out / "cells" / "shard-00000.tar").unlink()
        assert len(solve(plan, out).done) == 2 and set(states(out).values()) <= {"finished", "doubtful"}


def test_cells_of_a_grid_without_an_index_are_kept(planned, registry):
    """As an older version left it: folders alone."""
    plan, out = planned("paper")
    solve(plan, out)
    study = collect(plan, out, registry)
    cell = out / "cells" / "paper" / "seed0" / "walk_0"
    before = (cell / "motion.npz").stat().st_mtime_ns
    (out / "cells" / "index.csv").unlink()
    assert collect(plan, out, registry).cells == study.cells
    solve(plan, out)
    assert (cell / "motion.npz").stat().st_mtime_ns == before and len(states(out)) == 2
    assert collect(plan, out, registry).cells == study.cells


def test_half_a_result_is_done_again(planned):
    plan, out = planned("paper")
    solve(plan, out)
    cell = out / "cells" / "paper" / "seed0" / "walk_0"
    (cell / "run.json").unlink()  # as after a kill while its files were moved into place
    assert len(solve(plan, out).done) == 1
    assert json.loads((cell / "run.json").read_text())["status"] in ("finished", "doubtful")


@pytest.mark.slow
def test_other_runs_are_not_overwritten_unless_told(planned, kept):
    plan, out = planned("paper")
    solve(plan, out)
    index = (out / "cells" / "index.csv").read_bytes()
    other, _ = planned("paper", settings=("stage.warmup.all.steps=3",))
    with pytest.raises(DiffOptError, match=r"holds the result of another run \(other stage.warmup.all.steps\)"):
        solve(other, out)
    assert (out / "cells" / "index.csv").read_bytes() == index
    assert len(solve(other, out, overwrite=True).done) == 1
    more, _ = planned("paper,table5/no-warmup", seeds=(0, 1), settings=("stage.warmup.all.steps=3",))
    assert len(solve(more, out).done) == 3 and len(states(out)) == 8, "rows and seeds may be added"


def test_a_changed_truth_leaves_no_old_score(planned, data, registry):
    plan, out = planned("paper")
    solve(plan, out)
    before = collect(plan, out, registry).by_case("paper", "rigid_clip")
    path = data / "truth" / "walk_0.npz"
    write_npz(path, (truth := read_npz(path)) | {"joints": truth["joints"] * np.float32(1.05)})
    changed, _ = planned("paper")
    with pytest.raises(DiffOptError, match=r"walk_0: holds the result of another run .its file, its truth"):
        solve(changed, out)
    solve(changed, out, overwrite=True)
    after = collect(changed, out, registry).by_case("paper", "rigid_clip")
    assert after["walk_0"] != before["walk_0"] and after["walk_1"] == before["walk_1"]


def test_a_failing_case_costs_no_other(planned, data, registry):
    """One file breaks between planning and solving: its cells fail with the reason, its batch goes on."""
    plan, out = planned()
    (data / "walk_1.npz").write_bytes(b"broken")
    solve(plan, out)
    assert sorted(state for key, state in states(out).items() if "walk_1" in key) == ["failed"] * 2
    bad = failures(collect(plan, out, registry))
    assert len(bad) == 2 and all("walk_1.npz: file: is not an .npz" in why for _, why in bad)


def test_failed_cells_are_tried_again(planned, data, arrays):
    plan, out = planned("paper")
    (data / "walk_1.npz").unlink()
    solve(plan, out)
    np.savez(data / "walk_1.npz", **arrays[1][0])
    (job,) = solve(plan, out).done
    assert cases(job) == ["walk_1"] and "failed" not in states(out).values()


def test_cases_that_cannot_be_used_fail(planned, data, registry):
    (data / "truth" / "walk_0.npz").unlink()
    plan, out = planned("paper")
    solve(plan, out)
    ((cell, why),) = failures(collect(plan, out, registry))
    assert cell == "paper, walk_0, seed 0" and "truth: no ground truth to score against" in why


def test_a_case_that_kills_its_worker_costs_itself_alone(planned, registry):
    plan, out = planned("paper")
    runner = solve(plan, out, Here("walk_1"))
    assert [cases(job) for job in runner.done] == [["walk_0", "walk_1"], ["walk_0"], ["walk_1"]]
    ((cell, why),) = failures(collect(plan, out, registry))
    assert cell == "paper, walk_1, seed 0" and "killed by signal 9 (twice)" in why


def test_a_run_file_that_was_edited_costs_its_cell_alone(planned, registry):
    plan, out = planned("paper")
    solve(plan, out)
    (out / "cells" / "paper" / "seed0" / "walk_0" / "run.json").write_text('{"status": "finished"}')
    ((cell, why),) = failures(collect(plan, out, registry))
    assert cell == "paper, walk_0, seed 0" and "its run file cannot be used" in why


def test_planning_opens_no_case(planned, monkeypatch):
    monkeypatch.setattr(planning, "open_clip", None)
    plan, _ = planned()
    assert [case.name for case in plan.cases] == ["walk_0", "walk_1"]


def test_batches_do_not_follow_the_workers(planned):
    class Four(Here):
        workers = 4

    plan, out = planned()
    assert [len(cases(job)) for job in solve(plan, out, Four()).done] == [2, 2]


def test_a_truncated_case_is_named(planned, data, registry):
    """It is no case file any more, but it lies among them."""
    (data / "walk_9.npz").write_bytes((data / "walk_0.npz").read_bytes()[:2000])
    plan, out = planned("paper")
    solve(plan, out)
    assert len(states(out)) == 3
    ((cell, why),) = failures(collect(plan, out, registry))
    assert cell == "paper, walk_9, seed 0" and "walk_9.npz" in why


def test_a_full_disk_stops_the_grid_in_one_line(planned, monkeypatch):
    def full(*_, **__):
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise DiffOptError("cannot write motion.npz") from error

    monkeypatch.setattr("diffopt_core.results.folder.ResultFolder.write", full)
    plan, out = planned()
    with pytest.raises(DiffOptError, match=r"the disk is full .No space left on device.; make room and run it again"):
        solve(plan, out)


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
