"""The vertical from lines: of a room drawn by hand, and of none."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import scene_cases as cases
import torch
from diffopt_cameras import focal
from diffopt_cameras.lines import Lines, find_lines
from diffopt_cameras.upright import agreed, upright
from diffopt_core.types import Observations
from scipy.spatial.transform import Rotation

LEVEL = [(np.array([0.0, -1.0, 0.0]), np.diag([100.0, 0.0, 8.0]))]


def room(R: np.ndarray, size: tuple[int, int] = (480, 360), focal: float = 400.0) -> np.ndarray:
    """Posts and boards of a room, seen by a camera of orientation ``R``."""
    image, K = np.full(size[::-1], 90, np.uint8), cases.intrinsics(size, focal)
    rng = np.random.default_rng(4)
    for x, z in zip(rng.uniform(-5, 5, 14), rng.uniform(4, 9, 14), strict=True):
        for ends in ([(x, -2, z), (x, 2, z)], [(x, 1.5, z), (x + 1, 1.5, z)]):
            seen = np.array(ends) @ R.T @ K.T
            a, b = (np.round(p[:2] / p[2]).astype(int).tolist() for p in seen)
            cv2.line(image, a, b, int(rng.integers(140, 255)), 3, cv2.LINE_AA)
    return image


@pytest.mark.parametrize(("pitch", "roll"), [(0, 0), (-15, 0), (-10, 13), (-20, -26)])
def test_the_vertical_of_a_rolled_camera(tmp_path, pitch, roll):
    R = Rotation.from_euler("xz", [pitch, roll], degrees=True).as_matrix()
    clip = cases.film(tmp_path, [room(R)] * 2)
    nobody = cases.nobody(clip)
    found = upright(find_lines(clip, nobody), nobody, np.broadcast_to(np.eye(3), (2, 3, 3)), np.full(2, 400.0))
    assert found is not None
    angle = np.degrees(np.arccos((found.up @ (R @ [0, -1, 0])).clip(-1, 1)))
    assert angle < 2 and np.degrees(found.sd) < 6


def test_a_person_who_stands_in_a_rolled_image_helps(tmp_path):
    R = Rotation.from_euler("z", 35, degrees=True).as_matrix()
    clip = cases.film(tmp_path, [room(R)] * 2)
    points = torch.zeros(2, 17, 3)
    way = R @ [0, -1, 0]
    for names, at in (((11, 12), 0), ((5, 6), 60)):
        points[:, names, :2] = torch.tensor([240.0, 180.0]) + at * torch.from_numpy(way[:2]).float()
        points[:, names, 2] = 1
    seen = Observations(points, "coco17", torch.ones(2, dtype=torch.bool))
    found = upright(find_lines(clip, seen), seen, np.broadcast_to(np.eye(3), (2, 3, 3)), np.full(2, 400.0))
    assert found is not None and np.degrees(np.arccos(found.up @ way)) < 3


def test_lines_in_all_directions_show_nothing():
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(200, 3))
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    assert agreed(normals, np.full(200, 0.015), LEVEL) is None
    assert agreed(normals[:3], np.full(3, 0.015), LEVEL) is None


@pytest.mark.parametrize("true", [1000.0, 2600.0])
def test_lines_at_right_angles_tell_the_focal_length(tmp_path, true):
    """Of 40 lines, which point at the three vanishing points of a room, and 20 that point anywhere."""
    R = Rotation.from_euler("yxz", [35, -15, 5], degrees=True).as_matrix()
    rng, kind = np.random.default_rng(0), np.arange(60) % 3
    middle = rng.uniform(-0.5, 0.5, (60, 2)) * [1920, 1080]
    to = true * R[:2, kind].T - middle * R[2, kind][:, None]
    to = np.where(np.arange(60)[:, None] < 40, to, rng.normal(size=(60, 2)))
    half = 75 * to / np.linalg.norm(to, axis=-1, keepdims=True) + rng.normal(0, 0.5, (60, 2))
    lines = [Lines(0, np.stack([middle - half, middle + half], 1), np.full(60, 0.015))]
    clip = replace(cases.film(tmp_path, [np.zeros((20, 30), np.uint8)] * 2, focal=None), size=(1920, 1080))
    found, _ = focal.choose(clip, cases.nobody(clip), lines)
    assert found.sure and found.pixels == pytest.approx(true, rel=0.05) and "lines" in found.said
    alone, _ = focal.choose(clip, cases.nobody(clip), [])
    assert alone.said.startswith("assumed 163") and alone.spread == pytest.approx(0.3, abs=0.01)


def test_an_uncertain_focal_length_makes_the_vertical_uncertain(tmp_path):
    R = Rotation.from_euler("xz", [-20, 5], degrees=True).as_matrix()
    clip = cases.film(tmp_path, [room(R)] * 2)
    nobody, still = cases.nobody(clip), np.broadcast_to(np.eye(3), (2, 3, 3))
    sure, unsure = (
        upright(find_lines(clip, nobody), nobody, still, np.full(2, 400.0), spread) for spread in (0.0, 0.2)
    )
    assert sure is not None and unsure is not None and np.degrees(unsure.sd - sure.sd) > 1
    np.testing.assert_array_equal(sure.up, unsure.up)
