"""Somebody looks on: what is shown is the motion as it stands, and the solve does not notice."""

from __future__ import annotations

import logging

import pytest
import torch
from diffopt_core.host.testing.term import HostSync, forbid_host_sync
from diffopt_core.interfaces import Snapshot
from diffopt_core.solver.solve import solve
from diffopt_core.solver.watch import Watch
from diffopt_core.types import Status
from solve_cases import block, problem, recipe


def silent(*_):
    pass


ROUNDS = {"rounds": 10, "all": block(steps=2)}


def watched(show, every=0.0, most=4, clips=2):
    solved, asked = problem(clips), recipe(**ROUNDS)
    solve(solved, asked, silent, Watch(show, every, most).of(solved, asked))
    return solved


def test_shows_the_motion_as_it_stands():
    seen: list[Snapshot] = []
    solved = watched(seen.append)
    assert [snapshot.done for snapshot in seen] == list(range(2, 21, 2))
    first, last = seen[0], seen[-1]
    assert (last.stage, last.total, set(last.losses)) == ("s", 20, {"pull"})
    assert last.losses["pull"] < first.losses["pull"]
    one = last.results[1]
    assert one.status == Status.RUNNING
    torch.testing.assert_close(one.motion.trans, solved.representation.trans[1])
    torch.testing.assert_close(one.joints, solved.body.joints(solved.representation.motion())[1])
    torch.testing.assert_close(one.initial.trans, solved.start.motion.trans[1])
    assert not one.motion.trans.requires_grad


def test_the_solve_gives_the_same_bits():
    alone, asked = problem(), recipe(**ROUNDS)
    solve(alone, asked, silent)
    assert torch.equal(watched(silent).representation.trans, alone.representation.trans)


@pytest.mark.parametrize(("every", "shown"), [(3600.0, 1), (0.0, 10)])
def test_at_most_so_often(every, shown):
    seen: list[Snapshot] = []
    watched(seen.append, every)
    assert len(seen) == shown


def test_a_few_clips_of_a_batch():
    seen: list[Snapshot] = []
    watched(seen.append, most=2, clips=3)
    assert len(seen[0].results) == 2


def test_a_viewer_that_fails_costs_the_picture_and_not_the_solve(caplog):
    calls = []

    def broken(snapshot):
        calls.append(snapshot)
        raise ValueError("the window is gone")

    with caplog.at_level(logging.WARNING):
        solved = watched(broken)
    assert len(calls) == 1 and "no longer shown: the window is gone" in caplog.text
    alone = problem()
    solve(alone, recipe(**ROUNDS), silent)
    assert torch.equal(solved.representation.trans, alone.representation.trans)


def test_nobody_looking_costs_no_read_of_the_device():
    """Between its looks the solve waits for nothing; between the snapshots of somebody who looks on, neither."""
    solved, asked = problem(), recipe(all=block(steps=2))
    watcher = Watch(silent, 3600.0).of(solved, asked)
    watcher("s", 0, 2, dict)  # the one that is due
    with forbid_host_sync():
        watcher("s", 1, 2, lambda: pytest.fail("losses were read"))
    with pytest.raises(HostSync), forbid_host_sync():
        torch.ones(1).item()
