"""Detector and initializer ``given``."""

from __future__ import annotations

from dataclasses import replace

import pytest
from diffopt_core.errors import BadInput
from diffopt_core.given.detector import GivenDetector
from diffopt_core.given.initializer import GivenBody
from diffopt_core.given.no_prior import NoPriorConfig
from diffopt_core.testing import (
    DetectorContract,
    InitializerContract,
    make_clip,
    make_problem,
    make_scene,
)


class TestGivenDetector(DetectorContract):
    name = "given"


class TestGivenBody(InitializerContract):
    name = "given"


def test_given_is_what_the_clip_holds():
    clip = make_clip()
    assert GivenDetector().detect(clip) is clip.observations
    assert GivenBody().initialize(clip, clip.observations, clip.camera) is clip.body


def test_nothing_given_is_told_with_the_remedy():
    clip = replace(make_clip(), body=None)
    with pytest.raises(BadInput, match=rf"{clip.name}.*keypoints.*--detector"):
        GivenDetector().detect(replace(clip, observations=None))
    with pytest.raises(BadInput, match=rf"{clip.name}.*body.*--init"):
        GivenBody().initialize(clip, clip.observations, clip.camera)


def test_no_prior_is_zero() -> None:
    problem = make_problem(2, 5)
    energy = NoPriorConfig().build(problem)
    assert energy(make_scene(problem)).tolist() == [0.0, 0.0]
