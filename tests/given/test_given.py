"""Detector and initializer ``given``."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from diffopt_core.errors import BadInput, DiffOptError
from diffopt_core.host.registry import Registry
from diffopt_core.host.testing import DetectorContract, InitializerContract, make_clip, make_problem, make_scene
from diffopt_core.perception.from_file import GivenBody, GivenDetector, NoPriorConfig, for_video
from diffopt_core.plugin import Component


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


@dataclass
class Rows:
    """A host of which only the rows are asked."""

    components: dict[str, dict[str, Component]]


@pytest.mark.parametrize("kind", ["detector", "camera", "initializer"])
def test_auto_takes_what_the_rows_say(kind, unchecked):
    rows = {name: Component(kind, name, "any:Config", "", default_for=role) for name, role in
            (("plain", None), ("mine", "video"), ("theirs", "video"))}  # fmt: skip
    flag = "--init" if kind == "initializer" else f"--{kind}"

    def chosen(*names: str, asked: str | None = None) -> str:
        ctx = replace(make_problem(1, 4), host=Rows({kind: {name: rows[name] for name in names}}))
        return for_video(ctx, kind, asked)

    assert chosen("plain", "mine") == "mine" and chosen("plain", "mine", asked="plain") == "plain"
    with pytest.raises(DiffOptError, match=f"of kind {kind}, and no installed package .* {flag} NAME"):
        chosen("plain")
    with pytest.raises(DiffOptError, match=f"mine and theirs are both defaults; choose one with {flag} NAME"):
        chosen("mine", "theirs")


def test_the_installed_defaults():
    ctx = Registry.load().context()
    kinds = ("detector", "camera", "initializer")
    assert [for_video(ctx, kind, None) for kind in kinds] == ["mediapipe", "klt", "landmarks"]


def test_no_prior_is_zero() -> None:
    problem = make_problem(2, 5)
    energy = NoPriorConfig().build(problem)
    assert energy(make_scene(problem)).tolist() == [0.0, 0.0]


def test_a_clip_with_keypoints_alone_starts_from_them() -> None:
    clip, ctx = replace(make_clip(), body=None), Registry.load().context()
    body = ctx.build("initializer", "auto").initialize(clip, clip.observations, clip.camera)
    assert body.facts["component"] == "lift" and body.facts["fused"] == ["keypoints"] and body.evidence is not None
    own = ctx.build("initializer", "auto").initialize(make_clip(), clip.observations, clip.camera)
    assert own.facts["component"] == "given"
