"""Cameras of real pixels, where the videos lie beside the repository: the known turn of one of them, to 0.1 degrees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scene_cases as cases
import torch
from diffopt_cameras.klt.config import KltConfig
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import Clip, Observations, Video
from diffopt_core.video import probe

REAL = Path(__file__).parents[3] / "shared" / "real"
CTX = BuildContext(device=torch.device("cpu"), seed=0, build=lambda kind, name, options: None)


def clip_of(name: str, frames: int, **more) -> Clip:
    path = REAL / f"{name}.mp4"
    if not path.exists():
        pytest.skip(f"{name}.mp4 is not in ../shared/real")
    found = probe(path)
    video = Video(path, tuple(range(frames)), found.size, found.rotation)
    return Clip(name, path, found.fps or 30.0, found.size, frames, video=video, **more)


def people(name: str, frames: int) -> Observations:
    with np.load(REAL / f"{name}.landmarks.npz") as arrays:
        marks = torch.from_numpy(arrays["landmarks_2d"][:frames]).float()
    seen = torch.cat([marks[..., :2], marks[..., 3:].clamp(0, 1)], -1)
    return Observations(seen, "blazepose33", torch.ones(frames, dtype=torch.bool))


@pytest.mark.parametrize("told", [True, False], ids=["focal told", "focal estimated"])
def test_the_turn_of_a_real_camera(told):
    clip = clip_of("beam_pan", 100)
    with np.load(REAL / "beam_pan.truth.npz") as arrays:
        true, focal = arrays["R_cw"], float(arrays["K"][0, 0])
    if told:
        clip = clip_of("beam_pan", 100, focal=focal, focal_from="the calibration")
    config = KltConfig(longest=640, points=300)
    found = config.build(CTX).trajectory(clip, people("beam_pan", 100))
    assert found.facts["model"] == "rotation"
    assert cases.degrees_apart(found.R, true).max() < 0.1
    assert float(found.focal[0, 0]) == pytest.approx(focal, rel=0.02)


def test_a_real_camera_that_stands():
    clip = clip_of("beam_static", 30)
    found = KltConfig(longest=640, points=200).build(CTX).trajectory(clip, cases.nobody(clip))
    assert found.facts["model"] == "static" and found.metric
