"""The loop: schedule, stages, rounds, blocks, steps, and what it does when numbers run away."""

from __future__ import annotations

import pytest
import torch
from diffopt_core.errors import UnknownName
from diffopt_core.host.testing.term import HostSync, forbid_host_sync
from diffopt_core.solver.solve import solve
from solve_cases import adam_by_hand, block, problem, pull, recipe
from torch.utils._python_dispatch import TorchDispatchMode


def silent(*_):
    pass


def trans_of(solved):
    return solved.representation.trans


def test_schedule_order_and_counts():
    """Stages in the schedule's order; in each, rounds of blocks of steps; progress runs from 0 to 1."""
    seen: list[tuple[str, float]] = []

    def recorder(name):
        def energy(scene):
            seen.append((name, round(float(scene.progress), 6)))
            return pull(scene)

        return energy

    solved = problem(a=recorder("a"), b=recorder("b"))
    stage = {
        "rounds": 2,
        "blocks": ["first", "second"],
        "first": block(terms={"a": 1.0}, steps=2),
        "second": block(terms={"b": 1.0}, steps=1),
    }
    reports = []
    outcome = solve(solved, recipe(("one", "two"), **stage), lambda *report: reports.append(report))
    assert [name for name, _ in seen] == ["a", "a", "b"] * 4
    assert [progress for _, progress in seen[:6]] == pytest.approx([k / 6 for k in range(6)], abs=1e-5)
    assert list(outcome.logs) == ["one", "two"]
    log = outcome.logs["one"]
    assert log.values["first"].shape == (4, 1, 2) and log.values["second"].shape == (2, 1, 2)
    assert set(log.of_clip(0)) == {"a", "b"}
    ends = [(stage, total) for stage, done, total, _ in reports if done == total]
    assert ends == [("one", 6), ("two", 6)]


def test_a_term_of_two_blocks_is_logged_by_block():
    stage = {"blocks": ["x", "y"], "x": block(steps=2), "y": block(steps=3)}
    log = solve(problem(), recipe(**stage), silent).logs["s"].of_clip(1)
    assert {name: len(values) for name, values in log.items()} == {"x.pull": 2, "y.pull": 3}


def test_moments_live_for_the_stage():
    """Rounds and looks do not restart the optimiser; a new stage does."""
    many_rounds = problem()
    solve(many_rounds, recipe(rounds=20, all=block(steps=1)), silent)
    torch.testing.assert_close(trans_of(many_rounds), adam_by_hand([20]))
    one_round = problem()
    solve(one_round, recipe(), silent)
    torch.testing.assert_close(trans_of(one_round), adam_by_hand([20]))
    two_stages = problem()
    solve(two_stages, recipe(("one", "two"), all=block(steps=10)), silent)
    torch.testing.assert_close(trans_of(two_stages), adam_by_hand([10, 10]))
    assert not torch.allclose(trans_of(two_stages), trans_of(one_round))


def test_interleaved_blocks_keep_their_own_moments():
    """A block of the camera between the steps changes nothing for the path."""
    solved = problem()
    camera = block(free=["camera.*"], terms={"camera_pull": 1.0}, steps=3)
    solve(solved, recipe(rounds=20, blocks=["human", "camera"], human=block(steps=1), camera=camera), silent)
    torch.testing.assert_close(trans_of(solved), adam_by_hand([20]))


def test_a_block_that_does_not_move_the_body_computes_it_once():
    solved = problem()
    stage = {"rounds": 2, "all": block(free=["camera.*"], terms={"camera_pull": 1.0}, steps=5)}
    before = trans_of(solved).clone()
    solve(solved, recipe(**stage), silent)
    assert solved.representation.asked == 2
    assert torch.equal(trans_of(solved), before)


def test_only_what_is_free_moves_and_nothing_stays_attached():
    solved = problem()
    camera = [leaf.clone() for leaf in solved.camera.residual().values()]
    solve(solved, recipe(), silent)
    for old, new in zip(camera, solved.camera.residual().values(), strict=True):
        assert torch.equal(old, new)
    assert not any(leaf.requires_grad for leaf in solved.variables.all())


def test_the_rate_drops_once():
    late = {"lr_drop": 0.1, "lr_drop_at": 0.5}
    dropped, plain = problem(), problem()
    solve(dropped, recipe(all=block(steps=12), **late), silent)
    solve(plain, recipe(all=block(steps=12)), silent)
    first = adam_by_hand([6])
    moved = (trans_of(dropped) - first).norm() / (trans_of(plain) - first).norm()
    assert 0.05 < moved < 0.2


@pytest.mark.parametrize("index", [0, 1])
def test_batch_equals_alone(index):
    together, alone = problem(2), problem(1, seed=index)
    solve(together, recipe(), silent)
    solve(alone, recipe(), silent)
    assert torch.equal(trans_of(together)[index], trans_of(alone)[0])


def runaway(clip: int | slice, at: float):
    """A term that is not a number for one clip once the stage has got so far."""

    def energy(scene):
        value = pull(scene)
        bad = torch.zeros_like(value, dtype=torch.bool)
        bad[clip] = True
        return value * torch.where(bad & (scene.progress >= at), float("nan"), 1.0)

    return energy


def test_a_clip_that_diverges_is_put_back_and_the_others_go_on():
    solved, reference = problem(bad=runaway(1, 0.5)), problem()
    stage = {"all": block(terms={"bad": 1.0}, steps=24)}
    outcome = solve(solved, recipe(**stage), silent)
    solve(reference, recipe(all=block(steps=24)), silent)
    assert outcome.diverged.tolist() == [False, True]
    assert list(outcome.causes) == [1] and outcome.causes[1].startswith("term bad at step 1")
    assert torch.equal(trans_of(solved)[0], trans_of(reference)[0])
    # The last look before the runaway was at step 12 of 24: that state is back, and stays.
    torch.testing.assert_close(trans_of(solved)[1], adam_by_hand([12])[1])


def test_when_all_clips_diverge_the_solve_stops():
    steps = []

    def count(scene):
        steps.append(1)
        return runaway(slice(None), 0.3)(scene)

    solved = problem(bad=count)
    outcome = solve(solved, recipe(("one", "two"), all=block(terms={"bad": 1.0}, steps=120)), silent)
    assert outcome.diverged.all() and list(outcome.logs) == ["one"]
    assert len(steps) < 60
    assert trans_of(solved).isfinite().all()


def test_infinite_at_the_first_step():
    """Nothing finite was ever reached: the start is what is left."""
    solved = problem(bad=runaway(slice(None), 0.0))
    before = trans_of(solved).clone()
    outcome = solve(solved, recipe(all=block(terms={"bad": 1.0})), silent)
    assert outcome.diverged.all()
    assert torch.equal(trans_of(solved), before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"free": ["motion.pose"]}, "unknown variable in `free` 'motion.pose'"),
        ({"lr": {"camera.*": 0.1}}, "unknown rate for variable 'motion.trans'"),
    ],
)
def test_a_pattern_that_matches_nothing(change, message):
    with pytest.raises(UnknownName) as error:
        solve(problem(), recipe(all=block(**change)), silent)
    assert str(error.value).startswith(message)


class Watched:
    """An executor whose steps must not read the device."""

    def prepare(self, step, capturable):
        def watched():
            with forbid_host_sync():
                return step()

        return watched


def test_a_step_never_waits_for_the_device():
    solve(problem(executor=Watched()), recipe(), silent)
    with pytest.raises(HostSync):
        solve(problem(executor=Watched(), bad=lambda scene: pull(scene) * pull(scene).mean().item()),
              recipe(all=block(terms={"bad": 1.0})), silent)  # fmt: skip


class Count(TorchDispatchMode):
    """Counts reads of a tensor's value."""

    reads = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.reads += func._schema.name == "aten::_local_scalar_dense"
        return func(*args, **(kwargs or {}))


def test_reads_do_not_grow_with_the_number_of_steps():
    """The host looks a dozen times a stage, however long the stage."""
    counts = []
    for steps in (24, 240):
        solved, asked = problem(), recipe(all=block(steps=steps))
        with Count() as count:
            solve(solved, asked, silent)
        counts.append(count.reads)
    assert counts[0] == counts[1] < 60
