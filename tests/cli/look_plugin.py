"""A plugin of the tests: it looks at images, says how often it did, and fails when told to."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path

import torch
from diffopt_core.config import ComponentConfig
from diffopt_core.errors import BadInput
from diffopt_core.host.testing.results import make_clip
from diffopt_core.perception.video import read_frames
from diffopt_core.plugin import Component, hookimpl
from diffopt_core.types import CameraTrajectory, Observations, Travel

#: A folder where every look leaves a file; a file `fail-camera` in it makes the camera fail.
WATCH = "DIFFOPT_TEST_WATCH"


def looked(who: str) -> None:
    folder = Path(os.environ[WATCH])
    (folder / f"{who}-{len(list(folder.glob(f'{who}-*')))}").touch()


class Detector(ComponentConfig):
    seen: bool = True
    blind: str = ""  # name of a clip in which nobody is found
    late: int = 0  # frames before the person appears

    def build(self, ctx):
        return self

    def detect(self, clip) -> Observations:
        looked("detector")
        frames = sum(1 for _ in read_frames(clip.video))
        assert frames == clip.num_frames
        points = make_clip(frames).observations.keypoints
        valid = torch.full((frames,), self.seen and clip.name != self.blind) & (torch.arange(frames) >= self.late)
        return Observations(points, "coco17", valid, facts={"person": clip.person})


class Camera(ComponentConfig):
    file: Path | None = None
    travel: Travel = "unknown"

    def build(self, ctx):
        return self

    def trajectory(self, clip, observations) -> CameraTrajectory:
        looked("camera")
        logging.getLogger(__name__).warning("camera: a look of it")
        if (Path(os.environ[WATCH]) / "fail-camera").exists():
            raise BadInput(clip.path, "camera", "told to fail")
        other = make_clip(clip.num_frames).camera
        facts = {"focal_from": clip.focal_from or "guessed", "file": self.file and self.file.name}
        focal = other.focal if clip.focal is None else torch.full_like(other.focal, clip.focal)
        return CameraTrajectory(other.R, other.t, focal, other.centre, travel=self.travel, facts=facts)


class Initializer(ComponentConfig):
    def build(self, ctx):
        return self

    def initialize(self, clip, observations, camera):
        looked("initializer")
        return replace(make_clip(clip.num_frames).body, poses_from="landmarks")


@hookimpl
def diffopt_components():
    return [
        Component(kind, "look", f"look_plugin:{cls}", "of the tests")
        for kind, cls in (("detector", "Detector"), ("camera", "Camera"), ("initializer", "Initializer"))
    ]
