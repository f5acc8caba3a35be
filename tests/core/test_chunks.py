"""A clip in chunks is one motion: whole, in one world, on one scale, without a seam."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffopt_core.host.recipe import assign, load, parse
from diffopt_core.host.registry import Registry
from diffopt_core.parts.demo_motion import demo_case
from diffopt_core.parts.representations.motion_field import Parts
from diffopt_core.results.execute import execute
from diffopt_core.results.run import Run
from diffopt_core.solver.chunks import furthest
from diffopt_core.solver.translation import _moments, local_line
from diffopt_core.types import Result

QUICK = [
    "prior=none", "stage.warmup.all.steps=60", "stage.guide.rounds=20", "stage.finetune.all.steps=20",
    'metrics=["rigid_clip"]', "representation.hidden=32", "input.overlap=15",
]  # fmt: skip


@pytest.fixture(scope="module")
def case(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("long")
    clip, truth = demo_case(0)
    (folder / "truth").mkdir()
    np.savez(folder / "walk.npz", **clip)
    np.savez(folder / "truth" / "walk.npz", **truth)
    return folder / "walk.npz"


def solved(case: Path, out: Path, *settings: str) -> Result:
    registry = Registry.load()
    recipe = parse(assign(load("best", registry.recipes), [*QUICK, *settings]), "best")
    return execute(Run((case,), recipe, registry, out, device="cpu"), lambda *_: None)[0]


@pytest.fixture(scope="module")
def both(case, tmp_path_factory) -> tuple[Result, Result]:
    out = tmp_path_factory.mktemp("out")
    return solved(case, out / "whole"), solved(case, out / "cut", "input.most=45")


def test_it_is_whole_and_says_how_it_was_made(both):
    whole, cut = both
    assert cut.joints.shape == whole.joints.shape == (100, 24, 3)
    assert cut.camera.t.shape == (100, 3) and torch.isfinite(cut.joints).all()
    told = cut.provenance["chunks"]
    assert told["frames"] <= 45 and len(told["starts"]) == len(told["apart_mm"]) + 1 >= 3
    assert "chunks" not in whole.provenance
    assert len(cut.provenance["scale"]) == 1  # one factor for the clip
    assert set(cut.log) == set(whole.log) and cut.metrics["final"].keys() == whole.metrics["final"].keys()
    torch.testing.assert_close(cut.initial_joints, whole.initial_joints)


def test_it_is_about_as_good_as_the_clip_in_one_piece(both):
    whole, cut = both
    # one chunk of 45 frames tells the scale of the path, where the clip in one piece has 100
    assert cut.metrics["final"]["rigid_clip"] < 1.3 * whole.metrics["final"]["rigid_clip"] + 40


def test_no_seam(both):
    _, cut = both
    told = cut.provenance["chunks"]
    jerk = cut.joints.diff(n=3, dim=0).norm(dim=-1).mean(-1)
    seams = torch.zeros(100, dtype=torch.bool)
    for start in told["starts"][1:]:
        seams[start - 2 : start + 16] = True
    at = seams[: len(jerk)]
    assert float(jerk[at].mean()) < 1.3 * float(jerk[~at].mean())


def test_the_camera_sees_the_person_where_the_motion_is(both):
    """Motion and camera were joined alike: reprojection is no worse than of the clip in one piece."""
    from diffopt_core.data.geometry import project, world_to_camera

    def off(result: Result) -> float:
        camera = result.camera
        pixels = project(world_to_camera(result.joints, camera.R, camera.t), camera.focal, camera.centre)
        first = project(
            world_to_camera(result.initial_joints, result.initial_camera.R, result.initial_camera.t),
            result.initial_camera.focal,
            result.initial_camera.centre,
        )
        return float((pixels - first).norm(dim=-1).median())

    whole, cut = both
    assert off(cut) < 1.3 * off(whole) + 2.0


def test_the_scale_comes_from_the_stretch_that_gets_furthest():
    path = torch.zeros(100, 3)
    path[60:90, 2] = torch.linspace(0, 3, 30)
    parts = Parts(100, 40, 10, path)
    assert furthest(path, parts) == parts.count - 1


def test_smoothing_of_long_clips_is_that_of_short_ones():
    torch.manual_seed(0)
    values, trust = torch.randn(2, 300, 3).double(), torch.rand(2, 300).double() + 0.1
    s0, s1, s2, b0, b1 = _moments(values, trust, 6.0)
    s2 = s2 + 1e-3 * s0 * 36.0
    line = (s2.unsqueeze(-1) * b0 - s1.unsqueeze(-1) * b1) / (s0 * s2 - s1.square()).unsqueeze(-1)
    torch.testing.assert_close(line, local_line(values, trust, 6.0), rtol=1e-4, atol=1e-4)
