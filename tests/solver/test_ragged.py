"""Clips of different lengths in one batch: each as if it were alone, and batches that cost least."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffopt_core.data.ragged import cheapest, faint, inside, own_mean
from diffopt_core.data.window import Evidence, cut, pick, stack
from diffopt_core.host.recipe import PlaceSpec, assign, load, parse
from diffopt_core.host.registry import Registry
from diffopt_core.host.testing.problem import StickBody, make_problem
from diffopt_core.host.testing.results import make_clip
from diffopt_core.results.run import Run, batches, context
from diffopt_core.solver.batch import Solver, solve_batch
from diffopt_core.solver.place import place
from diffopt_core.solver.problem import ragged
from diffopt_core.types import CameraTrajectory, Clip, Result
from hypothesis import given
from hypothesis import strategies as st

LENGTHS = (20, 33, 27)


def evidence(frames: int, seed: int, told: bool = False) -> Evidence:
    clip = make_clip(40, "smpl24", seed)
    body = clip.body
    if told:
        ctx = make_problem(1, 40, seed=seed)
        body = replace(body, evidence=pick(ctx.evidence, 0))
    clip = cut(replace(clip, body=body, name=f"clip{seed}"), 0, frames, None)
    return Evidence(clip, clip.observations, clip.camera, clip.body)  # type: ignore[arg-type]


def arbitrary(item: Evidence) -> Evidence:
    """Its camera's path in a unit, and a world, of its own."""
    return replace(item, camera=replace(item.camera, t=item.camera.t * 0.3, unit="arbitrary", level=False))


@given(
    st.lists(st.integers(3, 500), min_size=1, max_size=40),
    st.integers(1, 9),
    st.sampled_from([1.0, 1.5, 2.0]),
    st.sampled_from([0, 50, 5000]),
)
def test_every_clip_is_in_one_batch_within_the_limits(frames, most, spread, worth):
    found = cheapest(frames, most, spread, worth)
    assert sorted(k for batch in found for k in batch) == list(range(len(frames)))
    for batch in found:
        own = [frames[k] for k in batch]
        assert len(batch) <= most and max(own) <= spread * min(own)

    def cost(division):
        return sum(worth + len(batch) * max(frames[k] for k in batch) for batch in division)

    assert cost(found) <= cost([[k] for k in range(len(frames))])


def test_dear_batches_are_few_and_cheap_ones_are_even():
    frames = [100, 52, 50, 98, 51]
    assert cheapest(frames, 8, 2.0, 5000) == [[0, 1, 2, 3, 4]]
    assert cheapest(frames, 8, 2.0, 10) == [[1, 2, 4], [0, 3]]
    assert cheapest([7] * 5, 2, 1.0, 10) and all(len(batch) <= 2 for batch in cheapest([7] * 5, 2, 1.0, 10))


def test_on_a_cpu_only_clips_of_equal_length_share_a_batch():
    clips = [Clip(f"{k}", None, 30.0, (9, 9), frames) for k, frames in enumerate((60, 50, 60, 59))]
    assert batches(clips, 8, True, torch.device("cpu")) == [[1], [3], [0, 2]]
    assert batches(clips, 8, True, torch.device("cuda")) == [[0, 1, 2, 3]]
    assert batches(clips, 8, False, torch.device("cuda")) == [[1], [3], [0, 2]]


def test_a_prior_that_does_not_say_so_gets_clips_of_equal_length(monkeypatch):
    registry = Registry.load()
    recipe = parse(load("paper", registry.recipes), "paper")
    assert ragged(recipe, registry)
    monkeypatch.setattr(registry.config_class("prior", recipe.prior.name), "ragged", False)
    assert not ragged(recipe, registry)


def test_means_and_weights_leave_out_what_lies_beyond():
    own = inside((2, 4), 4, torch.device("cpu"))
    values = torch.tensor([[1.0, 3.0, 99.0, torch.pi], [1.0, 2.0, 3.0, 4.0]])
    torch.testing.assert_close(own_mean(values, own), torch.tensor([2.0, 2.5]))
    torch.testing.assert_close(own_mean(values, None), values.mean(1))
    torch.testing.assert_close(own_mean(values[:, :1], own), values[:, 0])
    assert faint(None) == 1e-6
    torch.testing.assert_close(faint(own)[0], torch.tensor([1e-6, 1e-6, 1e-12, 1e-12]))


def test_a_shorter_clip_is_filled_up_and_given_back():
    items = [evidence(frames, k, told=True) for k, frames in enumerate(LENGTHS)]
    batch = stack(items, torch.device("cpu"))
    assert batch.transl.shape == (3, 33, 3) and batch.lengths == LENGTHS
    assert not batch.observations.valid[0, 20:].any() and not batch.observations.keypoints[0, 20:, :, 2].any()
    assert torch.equal(batch.transl[0, 20:], batch.transl[0, 19:20].expand(13, 3))
    for k, item in enumerate(items):
        again = pick(batch.camera, k, LENGTHS[k])
        assert isinstance(again, CameraTrajectory) and torch.equal(again.t, item.camera.t.float())
    assert stack(items[:1], torch.device("cpu")).lengths is None


@pytest.mark.parametrize("told", [False, True])
def test_it_is_placed_as_if_it_were_alone(told):
    items = [arbitrary(evidence(frames, k, told)) for k, frames in enumerate(LENGTHS)]
    body, spec = StickBody(), PlaceSpec(travel_sigma=0.2)
    together = place(stack(items, torch.device("cpu")), body, spec)
    for k, item in enumerate(items):
        alone = place(stack([item], torch.device("cpu")), body, spec)
        assert alone.vertical is not None and together.vertical is not None
        torch.testing.assert_close(together.vertical.sd[k], alone.vertical.sd[0], rtol=1e-3, atol=1e-5)
        for name in ("motion", "camera"):
            mine, its = pick(getattr(together, name), k, LENGTHS[k]), pick(getattr(alone, name), 0)
            for part in ("trans", "pose") if name == "motion" else ("R", "t"):
                torch.testing.assert_close(getattr(mine, part), getattr(its, part), rtol=1e-3, atol=2e-3)


QUICK = [
    "prior=none", "stage.warmup.all.steps=30", "stage.guide.rounds=6", "stage.finetune.all.steps=10", "metrics=[]",
    "representation.hidden=16",
]  # fmt: skip


def solved(members: list[Evidence], recipe: str, *settings: str) -> list[Result]:
    registry = Registry.load()
    chosen = parse(assign(load(recipe, registry.recipes), [*QUICK, *settings]), recipe)
    ctx = context(Run((), chosen, registry, None, device="cpu"))
    return solve_batch(members, Solver(chosen, registry, ctx, lambda *_: None, lambda *_: None))


@pytest.mark.parametrize("recipe", ["paper", "best"])
def test_it_is_solved_as_if_it_were_alone(recipe):
    items = [evidence(frames, k, told=recipe == "best") for k, frames in enumerate(LENGTHS)]
    together = solved(items, recipe)
    for item, found in zip(items, together, strict=True):
        (alone,) = solved([item], recipe)
        frames = item.clip.num_frames
        assert found.joints.shape == (frames, 24, 3) and found.camera.t.shape == (frames, 3)
        assert all(len(weight) == frames for weight in found.provenance["weights"].values())
        torch.testing.assert_close(found.joints, alone.joints, rtol=0.0, atol=5e-3)
        torch.testing.assert_close(found.initial_joints, alone.initial_joints, rtol=0.0, atol=2e-3)


def test_the_priors_windows_lie_within_each_clip():
    """With the prior, too, each comes out as the prior of its own frames makes it: finite, at its own length, near."""
    items = [evidence(frames, k) for k, frames in enumerate(LENGTHS)]
    together = solved(items, "paper", "prior=mdm", "stage.guide.rounds=4")
    for item, found in zip(items, together, strict=True):
        (alone,) = solved([item], "paper", "prior=mdm", "stage.guide.rounds=4")
        assert (found.joints - alone.joints).norm(dim=-1).mean() < 0.03
