"""Executors: the contract, and recorded steps through a whole run where there is a GPU to record them."""

from __future__ import annotations

import gc

import pytest
import torch
from diffopt_core.errors import DiffOptError, MissingResource
from diffopt_core.host import recipe as recipes
from diffopt_core.host.registry import Registry
from diffopt_core.host.testing import ExecutorContract, forbid_host_sync
from diffopt_core.host.testing.problem import make_problem
from diffopt_core.parts.datasets.case_file import write_case
from diffopt_core.parts.demo_motion import demo_case
from diffopt_core.results.execute import execute
from diffopt_core.results.run import Run

QUICK = ("stage.warmup.all.steps=20", "stage.guide.rounds=20", "stage.finetune.all.steps=20")


class TestEager(ExecutorContract):
    name = "eager"


class TestAuto(ExecutorContract):
    name = "auto"


@pytest.mark.gpu
class TestCudaGraph(ExecutorContract):
    name = "cudagraph"
    device = "cuda"


def test_recording_needs_a_gpu():
    with pytest.raises(MissingResource, match="needs a CUDA device, and this runs on cpu"):
        Registry.load().build("executor", "cudagraph", {}, make_problem())


@pytest.mark.gpu
def test_auto_records_on_a_gpu():
    registry = Registry.load()
    ctx = make_problem(device="cuda", host=registry)
    built = registry.build("executor", "auto", {}, ctx)
    assert type(built).__name__ == "CudaGraph"


@pytest.mark.gpu
def test_a_stage_leaves_nothing_on_the_device(tmp_path):
    """What was recorded is let go with its stage, not when the garbage collector gets round to it."""
    registry, path = Registry.load(), tmp_path / "walk.npz"
    write_case(path, *demo_case(0))
    recipe = recipes.parse(recipes.assign(recipes.load("paper", registry.recipes), [*QUICK]), "paper")
    gc.disable()
    try:
        held = []
        for turn in range(3):
            execute(Run((path,), recipe, registry, tmp_path / str(turn), device="cuda"), lambda *_: None)
            held.append(torch.cuda.memory_allocated())
    finally:
        gc.enable()
    assert held[2] - held[1] < 2**21, held


@pytest.mark.gpu
def test_a_step_that_cannot_be_recorded_is_named():
    ctx = make_problem(device="cuda")
    leaf = torch.ones(3, device="cuda", requires_grad=True)
    step = Registry.load().build("executor", "cudagraph", {}, ctx).prepare(lambda: (leaf * leaf.sum().item(),), True)
    step(), step()
    with pytest.raises(DiffOptError, match=r"cannot be recorded .* --executor eager"):
        step()


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["paper", "best", "table5/vposer", "table5/learnable-params"])
def test_a_recorded_run_is_the_plain_run(name, tmp_path):
    """The same numbers but for the order of sums, in every block, over rounds, stages and corrections of the scale."""
    registry, cases = Registry.load(), [tmp_path / f"walk_{seed}.npz" for seed in range(2)]
    for seed, path in enumerate(cases):
        write_case(path, *demo_case(seed))
    ends = []
    for executor in ("eager", "cudagraph"):
        settings = [f"executor={executor}", *QUICK]
        recipe = recipes.parse(recipes.assign(recipes.load(name, registry.recipes), settings), name)
        run = Run(tuple(cases), recipe, registry, tmp_path / executor, seed=0, device="cuda")
        ends.append([result.motion.trans for result in execute(run, lambda *_: None)])
    for plain, recorded in zip(*ends, strict=True):
        assert (plain - recorded).norm(dim=-1).max() < 5e-3  # m


class _Alone:
    """An executor whose steps, after the first of a block, are left alone by the host."""

    def prepare(self, step, capturable):
        calls = []

        def watched():
            calls.append(1)
            if len(calls) == 1 or not capturable:
                return step()
            with forbid_host_sync():
                return step()

        return watched


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        *((name, ()) for name in ("paper", "best", "table5/vposer", "table5/learnable-params", "tracked-camera")),
        *(("paper", (f"prior={prior}",)) for prior in ("humor", "gmm", "smooth", "none")),
        ("paper", ("prior.target_steps=2", "prior.noise=inverted", "prior.inpaint=true")),
    ],
)
def test_steps_need_nothing_of_the_host(name, settings, tmp_path, monkeypatch):
    """Whoever reads or feeds the device at every step cannot be recorded, and is slow on any GPU."""
    monkeypatch.setattr("diffopt_core.parts.executors.Eager", _Alone)
    registry, path = Registry.load(), tmp_path / "walk.npz"
    write_case(path, *demo_case(0))
    short = ("stage.warmup.all.steps=2", "stage.guide.rounds=2", "stage.finetune.all.steps=2", "metrics=['jitter']")
    recipe = recipes.parse(recipes.assign(recipes.load(name, registry.recipes), [*short, *settings]), name)
    execute(Run((path,), recipe, registry, tmp_path / "out", device="cpu"), lambda *_: None)
