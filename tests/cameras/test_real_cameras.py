"""Cameras of whole films, drawn ones and real ones where they are at hand: a known turn is found to 0.1 degrees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import scene_cases as cases
import torch
from diffopt_cameras.configs import KltConfig
from diffopt_core.host.registry import Registry
from diffopt_core.perception.video import probe
from diffopt_core.types import Clip, Observations, Video
from goldens import beside

CTX = Registry().context()


def clip_of(path: Path, frames: int) -> Clip:
    found = probe(path)
    video = Video(path, tuple(range(frames)), found.size, found.rotation)
    return Clip(path.stem, path, found.fps or 30.0, found.size, frames, video=video)


def drawn(folder: Path, R: np.ndarray) -> Path:
    """A film of the drawn scene from a camera that turns."""
    with av.open(str(folder / "drawn.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=30, options={"threads": "1"})
        stream.width, stream.height, stream.pix_fmt = *cases.SIZE, "bgr0"
        for turn in R:
            grey = cases.render(turn, np.zeros(3))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.repeat(grey[..., None], 3, -1), "rgb24")))
        container.mux(stream.encode())
    return folder / "drawn.mkv"


def people(path: Path, frames: int) -> Observations:
    with np.load(path.with_suffix(".landmarks.npz")) as arrays:
        marks = torch.from_numpy(arrays["landmarks_2d"][:frames]).float()
    seen = torch.cat([marks[..., :2], marks[..., 3:].clamp(0, 1)], -1)
    return Observations(seen, "blazepose33", torch.ones(frames, dtype=torch.bool))


@pytest.mark.slow
@pytest.mark.parametrize("told", [True, False], ids=["focal told", "focal estimated"])
@pytest.mark.parametrize("file", [None, *beside("real/beam_pan.mp4")])
def test_the_turn_of_a_camera(tmp_path, file, told):
    if file is None:
        true, focal, frames = cases.pan(20, 16.0), cases.FOCAL, 20
        clip = clip_of(drawn(tmp_path, true), frames)
        seen = cases.nobody(clip)
    else:
        frames = 100
        with np.load(file.with_suffix(".truth.npz")) as arrays:
            true, focal = arrays["R_cw"], float(arrays["K"][0, 0])
        clip, seen = clip_of(file, frames), people(file, frames)
    if told:
        clip = replace(clip, focal=focal, focal_from="the calibration")
    config = KltConfig(longest=640, points=300)
    found = config.build(CTX).trajectory(clip, seen)
    assert found.facts["model"] == "rotation"
    assert cases.degrees_apart(found.R, true).max() < 0.1
    assert float(found.focal[0, 0]) == pytest.approx(focal, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("file", [None, *beside("real/beam_static.mp4")])
def test_a_camera_that_stands(tmp_path, file):
    clip = clip_of(file, 30) if file else clip_of(drawn(tmp_path, np.tile(np.eye(3), (8, 1, 1))), 8)
    found = KltConfig(longest=640, points=200).build(CTX).trajectory(clip, cases.nobody(clip))
    assert found.facts["model"] == "static" and found.metric
