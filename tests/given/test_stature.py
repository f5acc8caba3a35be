"""Size and shape of the person: from the user, from proportions, from feet under a camera that moves in metres."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffopt_core.errors import DiffOptError, MissingResource
from diffopt_core.host.recipe_spec import InputSpec
from diffopt_core.host.registry import Registry
from diffopt_core.parts.bodies.anny24 import load
from diffopt_core.perception.bones import rest_lengths
from diffopt_core.perception.stature import Heard, by_the_person, metres, shape_of, stature, with_shape
from diffopt_core.types import CameraFrameBody, CameraTrajectory, Clip, HumanMotion, Observations

MODEL, CONTEXT = load(), Registry.load([]).context()
MEAN = float(stature(MODEL, torch.zeros(1, 10)))
FRAMES, FOCAL = 60, 1000.0


def _pose() -> torch.Tensor:
    """Upright before the camera, arms and legs across the image, turning about the vertical."""
    angle = torch.linspace(-0.6, 0.6, FRAMES)
    pose = torch.eye(3).repeat(FRAMES, 24, 1, 1)
    zero, one = torch.zeros(FRAMES), torch.ones(FRAMES)
    rows = [angle.cos(), zero, angle.sin(), zero, -one, zero, angle.sin(), zero, -angle.cos()]
    pose[:, 0] = torch.stack(rows, -1).unflatten(-1, (3, 3))
    return pose


def seen(betas: torch.Tensor, unit: str = "guess", walk: float = 1.0, noise: float = 0.0) -> Clip:
    """A person of that shape, who stands; the camera walks past. The first poses are right but for the size: the mean
    shape, as far away as it looks."""
    pose, back = _pose(), torch.linspace(0, walk, FRAMES)
    transl = torch.stack([0.3 - back, torch.zeros(FRAMES), torch.full((FRAMES,), 4.0)], -1)
    points = MODEL.keypoints(HumanMotion(pose[None], transl[None], betas[None], MODEL.name), "coco17")[0]
    pixels = points[..., :2] / points[..., 2:] * FOCAL + 500
    pixels = pixels + noise * torch.randn(pixels.shape, generator=torch.Generator().manual_seed(0))
    keypoints = torch.cat([pixels, torch.ones_like(pixels[..., :1])], -1)
    R = torch.eye(3).repeat(FRAMES, 1, 1)
    t = torch.stack([-back, 0 * back, 0 * back], -1)
    camera = CameraTrajectory(R, t, torch.full((FRAMES, 2), FOCAL), torch.full((FRAMES, 2), 500.0), unit)
    far = transl * (MEAN / float(stature(MODEL, betas[None])))
    body = CameraFrameBody(pose[:, 0], pose[:, 1:], far, torch.zeros(10), MODEL.name)
    there = torch.ones(FRAMES, dtype=torch.bool)
    observed = Observations(keypoints, "coco17", there)
    return Clip("clip", None, 30.0, (1000, 1000), FRAMES, observed, body, camera)


def shaped(clip: Clip, **asked) -> CameraFrameBody:
    assert clip.body is not None
    return with_shape(clip.body, clip, InputSpec(**asked), MODEL, CONTEXT)


@pytest.mark.parametrize("height", [1.2, 1.55, 1.82, 2.05])
def test_the_shape_has_the_height_of_the_user_and_no_more(height: float) -> None:
    """The nearest one: every other shape of that height has larger betas."""
    betas = shape_of(MODEL, [Heard("", height=(height, 0.01))]).betas
    assert float(stature(MODEL, betas[None])) == pytest.approx(height, abs=0.01)
    turned = torch.linalg.qr(torch.randn(10, 10, generator=torch.Generator().manual_seed(0)))[0] @ betas
    assert abs(float(stature(MODEL, turned[None])) - height) > abs(float(stature(MODEL, betas[None])) - height)


def test_a_taller_person_stands_further_away(caplog: pytest.LogCaptureFixture) -> None:
    clip = seen(torch.zeros(10))
    tall = shaped(clip, height="190cm")
    assert float(tall.transl[0, 2]) == pytest.approx(4 * 1.9 / MEAN, rel=1e-2)
    assert tall.facts["size"]["from"] == ["--height 190cm"] and tall.facts["size"]["sd"] < 0.02
    assert "contradicts" not in caplog.text
    # what images tell beside it changes proportions, not the height
    both = shaped(seen(torch.tensor([0.0, 2, 0, 0, 0, 0, 0, 0, 0, 0])), height="190cm", size="evidence")
    assert both.facts["size"]["height"] == pytest.approx(1.9, abs=0.02) and float(both.betas[1]) > 0.3
    shaped(clip, height="110cm", size="evidence")
    assert "--height 110cm contradicts the images" in caplog.text


@pytest.mark.parametrize("height", [1.2, 1.95])
def test_a_camera_path_in_metres_tells_the_size_and_another_one_does_not(height: float) -> None:
    betas = shape_of(MODEL, [Heard("", height=(height, 0.001))]).betas
    known = shaped(seen(betas, "metre"), size="evidence").facts["size"]
    unknown = shaped(seen(betas, "arbitrary"), size="evidence").facts["size"]
    still = shaped(seen(betas, "metre", walk=0.0), size="evidence").facts["size"]
    assert abs(known["height"] - height) < min(0.8 * abs(MEAN - height), 2.1 * known["sd"])
    assert unknown["sd"] > 0.08 and abs(unknown["height"] - height) > 0.8 * abs(known["height"] - height)
    assert still["height"] == pytest.approx(unknown["height"], abs=1e-3)


def test_proportions_move_towards_the_truth_with_noise_and_a_second_of_nonsense() -> None:
    betas = torch.tensor([0.0, 2.0, -1.5, 1, 0, 0, 0, 0, 0, 0])
    clip = seen(betas, noise=5.0)
    assert clip.observations is not None
    keypoints = clip.observations.keypoints.clone()
    keypoints[10:25, :, :2] = 1000 * torch.rand(15, 17, 2, generator=torch.Generator().manual_seed(1))
    clip = replace(clip, observations=replace(clip.observations, keypoints=keypoints))
    found = shaped(clip, size="evidence").betas

    def proportions(shape: torch.Tensor) -> torch.Tensor:
        return (rest_lengths(MODEL, shape[None]) / rest_lengths(MODEL, torch.zeros(1, 10))).log()[0]

    true, mine = proportions(betas), proportions(found)
    true, mine = true - true.mean(), mine - mine.mean()
    assert float((mine - true).norm()) < 0.85 * float(true.norm())


def test_own_betas_stay_and_those_of_a_body_that_is_not_there_are_told(caplog, monkeypatch) -> None:
    clip = seen(torch.zeros(10))
    assert clip.body is not None
    own = replace(clip.body, betas=torch.ones(10))
    assert with_shape(own, clip, InputSpec(size="evidence"), MODEL, CONTEXT) is own

    def missing(*_: object) -> None:
        raise MissingResource("no file")

    foreign, asked = replace(own, betas=torch.tensor([2.0, *[0.0] * 9]), betas_of="smpl"), InputSpec(size="evidence")
    monkeypatch.setattr(type(CONTEXT), "build", missing)
    found = with_shape(foreign, clip, asked, MODEL, CONTEXT)
    assert found.betas_of == MODEL.name and "'smpl'" in caplog.text
    monkeypatch.setattr(type(CONTEXT), "build", lambda *_: MODEL)
    helped = with_shape(foreign, clip, asked, MODEL, CONTEXT)
    assert helped.facts["size"]["height"] > found.facts["size"]["height"] + 0.05


@pytest.mark.parametrize("text", ["1.82", "16ft", "-1m", "20m", "18cm", ""])
def test_what_is_no_height_is_refused(text: str) -> None:
    with pytest.raises(DiffOptError, match="--height"):
        metres(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.82m", 1.82), ("182 cm", 1.82), ("5ft11", 1.8034), ("5'11\"", 1.8034), ("5’ 11”", 1.8034), ("6ft", 1.8288),
     ("5 ft 11 in", 1.8034), ("71in", 1.8034), ("5'9", 1.7526)],
)  # fmt: skip
def test_heights_as_people_write_them(text: str, value: float) -> None:
    assert metres(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["180", "1,82m", "5ft13", "5-11", "tall", ""])
def test_a_height_without_unit_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(DiffOptError, match=r"1\.82m, 182cm, 5ft11 or 71in"):
        metres(text)


def test_a_path_guessed_from_the_torso_takes_the_size_of_the_person_that_is_given() -> None:
    """With the person further away by the same factor, so that the whole world is larger; another unit stays."""
    clip = seen(torch.zeros(10))
    assert clip.camera is not None
    tall = shaped(clip, height="190cm")
    guessed = replace(clip.camera, facts={"scale_from": "a torso"})
    found = by_the_person(guessed, tall, MODEL)
    assert torch.allclose(found.t, clip.camera.t * (1.9 / MEAN), rtol=1e-2)
    assert "1.90 m" in found.facts["scale_from"]
    for other in (clip.camera, replace(guessed, unit="metre")):
        assert by_the_person(other, tall, MODEL) is other
