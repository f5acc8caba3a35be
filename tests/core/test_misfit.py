"""A result that does not fit its keypoints says so."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffopt_core.data.geometry import project, world_to_camera
from diffopt_core.data.skeleton import JOINT, LAYOUTS
from diffopt_core.host.testing.results import make_result
from diffopt_core.parts.metrics.quality import misfit
from diffopt_core.solver.batch import judged
from diffopt_core.types import Result, Status


def result(first: float, last: float) -> Result:
    """A result that began ``first`` and ended ``last`` metres to the side of its keypoints."""
    made = make_result()
    assert made.clip.observations is not None
    true, camera = made.initial_joints, made.initial_camera
    pixels = project(world_to_camera(true, camera.R, camera.t), camera.focal, camera.centre)
    keypoints = torch.zeros(len(true), len(LAYOUTS["coco17"]), 3)
    for k, name in enumerate(LAYOUTS["coco17"]):
        if name in JOINT:
            keypoints[:, k, :2], keypoints[:, k, 2] = pixels[:, JOINT[name]], 1.0
    clip = replace(made.clip, observations=replace(made.clip.observations, keypoints=keypoints))
    aside = camera.R[:, :1, :].mT.squeeze(-1).unsqueeze(1)  # the image's x axis in the world
    return replace(made, clip=clip, camera=camera, initial_joints=true + first * aside, joints=true + last * aside)


@pytest.mark.parametrize(
    ("first", "last", "word"),
    [
        (0.02, 0.01, None),
        (0.05, 0.052, None),
        (0.001, 0.02, None),
        (0.05, 0.07, "than it began"),
        (0.6, 0.4, "of the person"),
    ],
)
def test_worse_than_it_began_or_a_tenth_of_the_person(first, last, word):
    made = judged(result(first, last))
    if word is None:
        assert made.status == Status.FINISHED and "doubt" not in made.provenance
    else:
        assert made.status == Status.DOUBTFUL and word in made.provenance["doubt"]


def test_without_keypoints_nothing_is_said():
    made = result(0.0, 1.0)
    assert misfit(replace(made, clip=replace(made.clip, observations=None))) is None


def test_a_diverged_result_stays_diverged():
    assert judged(replace(result(0.0, 1.0), status=Status.DIVERGED)).status == Status.DIVERGED


def test_what_nobody_does_is_said():
    made = result(0.0, 0.0)
    fast = made.joints + torch.arange(len(made.joints))[:, None, None] * torch.tensor([1.0, 0.0, 0.0])
    assert "m/s" in (misfit(replace(made, joints=fast)) or "")
    assert "over the floor" in (misfit(replace(made, joints=made.joints + torch.tensor([0.0, 0.6, 0.0]))) or "")
