"""Cameras ``klt`` and ``static`` on small rendered videos: which model is chosen, how near it comes, what is said."""

from __future__ import annotations

import logging
from dataclasses import replace

import cv2
import numpy as np
import pytest
import scene_cases as cases
import torch
from diffopt_cameras import focal
from diffopt_cameras.configs import KltConfig, StaticCameraConfig
from diffopt_cameras.witness import Parts
from diffopt_core.data.geometry import align
from diffopt_core.errors import BadInput
from diffopt_core.host.registry import Registry
from diffopt_core.host.testing import CameraContract
from diffopt_core.types import Observations
from scipy.spatial.transform import Rotation

CTX = Registry().context()
STILL = np.eye(3), np.zeros(3)


def camera(clip, observations=None, **options):
    config = KltConfig(**{"points": 250, **options})
    return config.build(CTX).trajectory(clip, observations or cases.nobody(clip))


def turning(frames=14, degrees=8.0, **options):
    R = cases.pan(frames, degrees)
    return R, [cases.render(r, np.zeros(3), **options) for r in R]


def moving(frames=16, to=(1.6, 0.0, 0.3), degrees=4.0, **options):
    R, C = cases.pan(frames, degrees), cases.slide(frames, to)
    t = -np.einsum("tij,tj->ti", R, C)
    return R, C, [cases.render(r, s, **options) for r, s in zip(R, t, strict=True)]


class TestKlt(CameraContract):
    name = "klt"

    def clip(self, folder):
        return cases.film(folder / "film", turning(5)[1])


class TestStatic(CameraContract):
    name = "static"

    def clip(self, folder):
        return cases.film(folder / "film", [cases.render(*STILL)] * 3)


class TestStaticWithoutImages(CameraContract):
    name = "static"


def test_a_camera_that_stands_is_found_to(tmp_path, caplog):
    clip = cases.film(tmp_path, [cases.render(*STILL)] * 8)
    with caplog.at_level(logging.WARNING):
        found = camera(clip)
    assert found.facts["model"] == "static" and found.metric
    assert torch.equal(found.R, torch.eye(3).expand(8, 3, 3)) and not found.t.any()
    assert "camera: static" in caplog.text


def test_a_turning_camera_is_a_rotation_without_travel(tmp_path):
    R, images = turning()
    found = camera(cases.film(tmp_path, images))
    assert found.facts["model"] == "rotation" and found.metric and not found.t.any()
    assert cases.degrees_apart(found.R, R).max() < 0.05
    assert torch.equal(found.R[0], torch.eye(3)), "the world is the first camera's frame"
    assert "static" in found.facts["rejected"] and not found.filled.any()
    assert found.focal[0, 0] == cases.FOCAL and "told by the test" in found.facts["focal_from"]


def test_the_focal_length_of_a_turning_camera_is_estimated(tmp_path):
    R, images = turning(degrees=16.0)
    found = camera(cases.film(tmp_path, images, focal=None))
    assert found.focal[0, 0] == pytest.approx(cases.FOCAL, rel=0.02)
    assert "estimated" in found.facts["focal_from"] and "±" in found.facts["focal_from"]
    assert cases.degrees_apart(found.R, R).max() < 0.3


def test_a_moving_camera_gets_its_path_up_to_scale(tmp_path, caplog):
    R, C, images = moving()
    with caplog.at_level(logging.WARNING):
        found = camera(cases.film(tmp_path, images))
    assert found.facts["model"] == "odometry" and not found.metric
    assert cases.degrees_apart(found.R, R).max() < 0.3
    true, where = torch.from_numpy(C), found.position.double()
    assert where[0].norm() < 1e-12
    turn, shift, scale = align(where, true, scale=True)
    off = (scale * where @ turn.mT + shift - true).norm(dim=-1)
    assert off.max() < 0.02 * np.linalg.norm(C[-1]), f"{off.max():.3f} of {np.linalg.norm(C[-1]):.2f}"
    assert found.facts["odometry"]["points"] >= 100


def test_the_unit_of_a_path_is_guessed_from_the_person_on_the_ground(tmp_path):
    # below the boards there is but the wall, 14 m away: there the person stands
    _, C, images = moving(scene=[plane for plane in cases.SCENE if plane.y <= 0])
    clip = cases.film(tmp_path, images)
    keypoints = torch.zeros(clip.num_frames, 17, 3)
    torso = 34.0  # px: so the person is 4.9 m away, and so must be the wall
    for names, v in (((5, 6), 110 - torso), ((11, 12), 110), ((15, 16), 110 + 2 * torso)):
        keypoints[:, names, :] = torch.tensor([192.0, v, 1.0])
    seen = Observations(keypoints, "coco17", torch.ones(clip.num_frames, dtype=torch.bool))
    found = camera(clip, seen)
    assert "torso" in found.facts["scale_from"] and not found.metric
    share = cases.FOCAL * 0.5 / torso / 14
    assert found.position[-1].norm() == pytest.approx(share * np.linalg.norm(C[-1]), rel=0.1)
    assert "unknown" in camera(clip).facts["scale_from"]


def test_an_unknown_focal_length_of_a_moving_camera_is_assumed_and_said(tmp_path, caplog):
    _, _, images = moving(10)
    with caplog.at_level(logging.WARNING):
        found = camera(cases.film(tmp_path, images, focal=None))
    assert found.focal[0, 0] == pytest.approx(0.85 * cases.SIZE[0], rel=0.1)
    assert "assumed" in found.facts["focal_from"] and "--focal" in caplog.text


def test_portrait_is_as_good(tmp_path):
    size = cases.SIZE[::-1]
    R, images = turning(10, size=size)
    found = camera(cases.film(tmp_path, images))
    assert cases.degrees_apart(found.R, R).max() < 0.1
    assert found.centre[0].tolist() == [size[0] / 2, size[1] / 2]


@pytest.mark.parametrize("frames", [2, 3])
def test_few_frames_suffice_for_a_rotation(tmp_path, frames):
    R, images = turning(frames, 2.0)
    found = camera(cases.film(tmp_path, images))
    assert found.facts["model"] == "rotation"
    assert cases.degrees_apart(found.R, R).max() < 0.1


def test_one_frame_stands(tmp_path):
    assert camera(cases.film(tmp_path, [cases.render(*STILL)])).facts["model"] == "static"


@pytest.mark.parametrize("level", [0, 128])
def test_an_empty_picture_is_refused_with_a_remedy(tmp_path, level):
    clip = cases.film(tmp_path, [np.full(cases.SIZE[::-1], level, np.uint8)] * 5)
    with pytest.raises(BadInput, match=r"points per frame.*--camera static"):
        camera(clip)


def test_a_clip_without_images_is_refused_with_a_remedy(tmp_path):
    clip = replace(cases.film(tmp_path, [cases.render(*STILL)]), video=None)
    with pytest.raises(BadInput, match=r"no images.*--camera given"):
        camera(clip)


def with_person(images):
    """A textured board that fills most of the picture and goes its own way; its pixels as masks."""
    out, masks = [], np.zeros((len(images), 27, 48), bool)
    board = cases.texture(9, 400)
    width, height = cases.SIZE
    for n, image in enumerate(images):
        x, wide = 60 + 7 * n, int(0.55 * width)
        image = image.copy()
        image[10:, x : x + wide] = board[: height - 10, : min(wide, width - x)]
        out.append(image)
        masks[n, 1:, x * 48 // width : (x + wide) * 48 // width + 1] = True
    return out, torch.from_numpy(masks)


def test_people_are_masked(tmp_path):
    R, images = turning(12)
    images, masks = with_person(images)
    clip = cases.film(tmp_path, images)
    found = camera(clip, replace(cases.nobody(clip), masks=masks))
    assert found.facts["model"] == "rotation" and found.facts["tracks"]["masked_share"] > 0.4
    assert cases.degrees_apart(found.R, R).max() < 0.1


def test_without_masks_the_keypoints_stand_for_the_person(tmp_path):
    clip = cases.film(tmp_path, [cases.render(*STILL)] * 4)
    keypoints = torch.zeros(4, 17, 3)
    keypoints[:, :, 0] = torch.linspace(100, 180, 17)
    keypoints[:, ::2, 1], keypoints[:, 1::2, 1], keypoints[..., 2] = 40.0, 180.0, 1.0
    seen = Observations(keypoints, "coco17", torch.ones(4, dtype=torch.bool))
    found = camera(clip, seen)
    assert found.facts["tracks"]["masks"] == "hull of the keypoints"
    assert 0.1 < found.facts["tracks"]["masked_share"] < 0.6


def test_a_letterbox_and_a_logo_give_no_tracks(tmp_path):
    R, images = turning(12)
    logo = cases.texture(7, 96)
    for image in images:
        image[:24] = image[-24:] = 0
        image[40:110, 20:116] = logo[:70]
    found = camera(cases.film(tmp_path, images))
    assert found.facts["model"] == "rotation" and found.facts["tracks"]["overlay_points"] > 5
    assert cases.degrees_apart(found.R, R).max() < 0.05
    assert found.facts["tracks"]["masked_share"] == pytest.approx(48 / 216, abs=0.1)


def test_a_flash_is_bridged(tmp_path):
    R, images = turning(14)
    images[6] = images[7] = np.full_like(images[0], 255)
    found = camera(cases.film(tmp_path, images))
    assert np.flatnonzero(found.filled).tolist() == [6, 7] and found.facts["tracks"]["breaks"] == []
    assert cases.degrees_apart(found.R, R).max() < 0.3


def test_a_cut_is_said_and_flagged(tmp_path, caplog):
    R, images = turning(24)
    other = [cv2.flip(image, 1) for image in images[::-1]][:10]
    with caplog.at_level(logging.WARNING):
        found = camera(cases.film(tmp_path, images[:14] + other))
    assert found.facts["tracks"]["breaks"] == [14] and "cut" in caplog.text
    assert np.flatnonzero(found.filled).tolist() == list(range(14, 24))
    assert cases.degrees_apart(found.R[:14], R[:14]).max() < 0.1


def test_weak_odometry_falls_to_the_turning_with_a_warning(tmp_path, caplog):
    _, _, images = moving(12)
    with caplog.at_level(logging.WARNING):
        found = camera(cases.film(tmp_path, images), fewest_points=5000)
    assert found.facts["model"] == "rotation" and not found.trusted and not found.metric
    assert "odometry rejected" in caplog.text and "no model explains" in caplog.text
    assert "points" in found.facts["rejected"]["odometry"]
    assert "no model explains" in found.facts["not_trusted"][0]


def test_a_model_that_is_asked_for_is_used_or_refused(tmp_path):
    _, _, images = moving(8)
    clip = cases.film(tmp_path, images)
    with pytest.raises(BadInput, match=r"mapper static does not fit.*moves by"):
        camera(clip, mapper="static")
    with pytest.raises(BadInput, match="mapper rotation does not fit"):
        camera(clip, mapper="rotation")


def test_static_is_checked_on_the_images(tmp_path, caplog):
    _, images = turning(6)
    clip = cases.film(tmp_path, images)

    def static(**options):
        return StaticCameraConfig(**options).build(CTX).trajectory(clip, cases.nobody(clip))

    with pytest.raises(BadInput, match=r"--camera static, but the background moves by \d"):
        static()
    with caplog.at_level(logging.WARNING):
        found = static(force=True)
    assert found.facts["evidence"]["forced"] and "the background moves" in caplog.text


def test_static_without_texture_says_that_it_cannot_be_checked(tmp_path, caplog):
    clip = cases.film(tmp_path, [np.full(cases.SIZE[::-1], 90, np.uint8)] * 3, focal=None)
    with caplog.at_level(logging.WARNING):
        found = StaticCameraConfig().build(CTX).trajectory(clip, cases.nobody(clip))
    assert not found.facts["evidence"]["checked"] and "could not be checked" in caplog.text
    assert found.metric and "assumed" in found.facts["focal_from"]


def test_the_same_seed_gives_the_same_camera(tmp_path):
    _, _, images = moving(7)
    clip = cases.film(tmp_path, images)
    a, b = camera(clip), camera(clip)
    assert torch.equal(a.R, b.R) and torch.equal(a.t, b.t)


def zooming(frames=16, to=1.4, shake=0.0):
    rng = np.random.default_rng(3)
    factors = np.linspace(1, to, frames)
    turns = Rotation.from_rotvec(np.cumsum(rng.normal(0, shake, (frames, 3)), 0)).as_matrix()
    return factors, [cases.render(R, np.zeros(3), focal=cases.FOCAL * z) for R, z in zip(turns, factors, strict=True)]


@pytest.mark.parametrize(("shake", "travel"), [(0.0, "stands"), (0.005, "turns")])
def test_a_zoom_is_a_changing_focal_length(tmp_path, caplog, shake, travel):
    factors, images = zooming(shake=shake)
    with caplog.at_level(logging.WARNING):
        found = camera(cases.film(tmp_path, images))
    assert found.facts["model"] == "zoom" and found.travel == travel and not found.t.any() and found.trusted
    assert np.abs(found.focal[:, 0].numpy() / cases.FOCAL / factors - 1).max() < 0.01
    assert "zooms by a factor of 1.4" in caplog.text


def test_a_camera_that_moves_forward_does_not_zoom(tmp_path):
    _, _, images = moving(to=(0.2, 0.0, 2.2), degrees=1.0)
    found = camera(cases.film(tmp_path, images))
    assert found.facts["model"] == "odometry" and "zoom" in found.facts["rejected"]


def scrolling(frames=16, share=0.7, step=7):
    """A camera that stands; ``share`` of the picture is a screen that scrolls."""
    width = cases.SIZE[0]
    wide, still = cases.texture(21, 600), cases.render(*STILL)
    images = []
    for n in range(frames):
        image = still.copy()
        image[:, round((1 - share) * width) :] = wide[
            : cases.SIZE[1], 50 + step * n : 50 + step * n + round(share * width)
        ]
        images.append(image)
    return images


def feet(clip, speed):
    """A person of whom the ankles are seen, which move by ``speed`` px a frame."""
    keypoints = torch.zeros(clip.num_frames, 17, 3)
    keypoints[:, 15:, 1], keypoints[:, 15:, 2] = 200.0, 1.0
    keypoints[:, 15:, 0] = (20 + speed * torch.arange(clip.num_frames))[:, None]
    return Observations(keypoints, "coco17", torch.ones(clip.num_frames, dtype=torch.bool))


def test_a_background_that_moves_does_not_move_the_camera(tmp_path, caplog):
    clip = cases.film(tmp_path, scrolling())
    with caplog.at_level(logging.WARNING):
        found = camera(clip, feet(clip, 0.0))
    assert found.travel == "stands" and found.trusted and "moves by itself" in caplog.text
    moves = camera(clip, feet(clip, 9.0))
    assert moves.travel != "stands", "the feet move with the larger part: the rest is an overlay"


def test_without_feet_the_larger_part_decides_or_nothing_is_trusted(tmp_path):
    assert camera(cases.film(tmp_path / "a", scrolling(share=0.4))).travel == "stands"
    larger = camera(cases.film(tmp_path / "b", scrolling(share=0.75)))
    assert larger.travel == "stands" or not larger.trusted or larger.facts["model"] == "rotation"


def test_focal_lengths_are_weighed_by_their_errors():
    lens, turn = focal._gaussian(0.85, 0.3), focal._gaussian(1.105, 0.12)
    found = focal.weighed({"usual lenses": lens, "5 degrees of rotation": turn}, 1920)
    precision = np.array([0.3, 0.12]) ** -2.0
    mean = np.exp((np.log([0.85, 1.105]) * precision).sum() / precision.sum())
    assert found.pixels == pytest.approx(1920 * mean, rel=2e-3)
    assert found.spread == pytest.approx(precision.sum() ** -0.5, rel=0.05) and found.sure
    assert "usual lenses" in found.said and "5 degrees of rotation" in found.said
    vague = focal.weighed({"usual lenses": lens}, 1920)
    assert vague.said.startswith("assumed") and not vague.sure
    sharp = focal.weighed({"usual lenses": lens, "rotation": focal._gaussian(1.105, 0.005)}, 1920)
    assert sharp.pixels == pytest.approx(1920 * 1.105, rel=2e-3)


def test_lines_are_of_the_part_that_is_the_ground():
    cells = np.full((16, 16), 1)
    cells[8:] = 0  # the right half moves
    points, size = np.array([[10.0, 50.0], [90.0, 50.0]]), (100, 100)
    assert Parts(0.5, 9.0, 0.5, cells).ground(points, size).tolist() == [True, False]  # the foot stands
    assert Parts(0.5, 9.0, 9.0, cells).ground(points, size).tolist() == [False, True]  # it moves as the rest does
    assert Parts(0.05, 9.0, 9.0, cells).ground(points, size).all()


def test_a_turn_of_which_a_large_part_denies_is_not_trusted(tmp_path, caplog):
    """A third of the picture scrolls while the camera turns: which of both is the turn is not known."""
    images, wide = [cases.render(R, np.zeros(3)) for R in cases.pan(16, 6)], cases.texture(21, 600)
    clean = camera(cases.film(tmp_path / "clean", [image.copy() for image in images]))
    assert clean.facts["model"] == "rotation" and clean.trusted and clean.facts["rotation"]["astray"] < 0.05
    for n, image in enumerate(images):
        image[:, : cases.SIZE[0] // 3] = wide[9 * n : 9 * n + cases.SIZE[1], 50 : 50 + cases.SIZE[0] // 3]
    with caplog.at_level(logging.WARNING):
        found = camera(cases.film(tmp_path / "scrolls", images))
    assert (not found.trusted and "not trusted" in caplog.text) or found.facts["model"] != "rotation"
