"""Camera ``colmap`` on a small rendered video, and what is said where pycolmap is not installed."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import scene_cases as cases
import torch
from diffopt_cameras.configs import ColmapConfig, KltConfig
from diffopt_core.data.geometry import align
from diffopt_core.errors import BadInput, MissingResource
from diffopt_core.host.registry import Registry
from diffopt_core.host.testing import CameraContract

CTX = Registry().context()
needs_pycolmap = pytest.mark.needs("pycolmap")


def sideways(frames=10):
    R, C = cases.pan(frames, 4.0), cases.slide(frames, (2.0, 0.0, 0.2))
    t = -np.einsum("tij,tj->ti", R, C)
    return R, C, [cases.render(r, s) for r, s in zip(R, t, strict=True)]


def check(found, R, C, share):
    assert cases.degrees_apart(found.R, R).max() < 0.4
    true, where = torch.from_numpy(C), found.position.double()
    turn, shift, scale = align(where, true, scale=True)
    off = (scale * where @ turn.mT + shift - true).norm(dim=-1)
    assert off.max() < share * np.linalg.norm(C[-1]), f"{off.max():.3f}"


@needs_pycolmap
class TestColmap(CameraContract):
    name = "colmap"
    options = {"points": 250, "threads": 1}  # noqa: RUF012

    def clip(self, folder):
        return cases.film(folder / "film", sideways()[2])


@needs_pycolmap
def test_on_tracks_every_frame_has_a_pose(tmp_path):
    R, C, images = sideways()
    clip = cases.film(tmp_path, images)
    found = ColmapConfig(points=250, threads=1).build(CTX).trajectory(clip, cases.nobody(clip))
    check(found, R, C, 0.03)
    assert not found.metric and not found.filled.any()
    assert found.facts["registered_images"] == found.facts["images"] and found.facts["points"] >= 100


@needs_pycolmap
def test_on_images_frames_between_are_filled_and_flagged(tmp_path):
    R, C, images = sideways(9)
    clip = cases.film(tmp_path, images)
    config = ColmapConfig(features="sift", at_most=5, sift_features=600, threads=1, fewest_points=50)
    found = config.build(CTX).trajectory(clip, cases.nobody(clip))
    check(found, R, C, 0.05)
    assert found.facts["images"] == 5 and found.filled.sum() == 9 - found.facts["registered_images"]


@needs_pycolmap
def test_a_camera_that_only_turns_is_refused(tmp_path):
    images = [cases.render(r, np.zeros(3)) for r in cases.pan(6, 8.0)]
    clip = cases.film(tmp_path, images)
    with pytest.raises(BadInput, match=r"only rotates.*--camera auto"):
        ColmapConfig(points=250, threads=1).build(CTX).trajectory(clip, cases.nobody(clip))


@needs_pycolmap
def test_klt_asks_it_when_told_to(tmp_path):
    R, C, images = sideways()
    clip = cases.film(tmp_path, images)
    found = KltConfig(mapper="colmap", points=250).build(CTX).trajectory(clip, cases.nobody(clip))
    assert found.facts["model"] == "colmap"
    check(found, R, C, 0.03)


@pytest.mark.parametrize("config", [ColmapConfig(), KltConfig(mapper="colmap", points=250)], ids=["colmap", "klt"])
def test_without_pycolmap_the_line_that_installs_it_is_named(tmp_path, monkeypatch, config):
    monkeypatch.setitem(sys.modules, "pycolmap", None)
    clip = cases.film(tmp_path, sideways(5)[2])
    with pytest.raises(MissingResource, match="pip install 'pycolmap"):
        config.build(CTX).trajectory(clip, cases.nobody(clip))
