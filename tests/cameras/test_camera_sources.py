"""Camera sources ``given`` and ``gt``: what they return, and what they say when there is nothing to return."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffopt_cameras.gt import TrueCamera
from diffopt_core.errors import BadInput
from diffopt_core.host.testing import CameraContract, make_clip
from diffopt_core.perception.from_file import GivenCamera
from diffopt_core.types import map_tensors


class TestGiven(CameraContract):
    name = "given"


class TestGt(CameraContract):
    name = "gt"

    def clip(self, folder):
        clip = make_clip()
        return replace(clip, truth=replace(clip.truth, camera=clip.camera))


def test_given_is_the_clips_own_camera():
    clip = make_clip()
    assert GivenCamera().trajectory(clip, clip.observations) is clip.camera


def test_gt_is_the_truths_camera_and_metric():
    clip = make_clip()
    true = replace(clip.camera, t=clip.camera.t + 1.0, unit="guess")
    camera = TrueCamera().trajectory(replace(clip, truth=replace(clip.truth, camera=true)), clip.observations)
    assert camera.metric and torch.equal(camera.t, true.t)


def test_given_without_camera_names_the_clip_and_the_remedy():
    clip = make_clip()
    bare = replace(clip, camera=None, truth=None)
    with pytest.raises(BadInput, match=rf"{clip.name}.*camera.*holds no camera.*--camera"):
        GivenCamera().trajectory(bare, clip.observations)
    known = replace(clip, camera=None, truth=replace(clip.truth, camera=clip.camera))
    with pytest.raises(BadInput, match="--camera gt"):
        GivenCamera().trajectory(known, clip.observations)


def test_gt_without_truth_says_which_part_is_missing():
    clip = make_clip()
    with pytest.raises(BadInput, match="no ground truth"):
        TrueCamera().trajectory(replace(clip, truth=None), clip.observations)
    with pytest.raises(BadInput, match="truth has no camera"):
        TrueCamera().trajectory(replace(clip, truth=replace(clip.truth, camera=None)), clip.observations)


@pytest.mark.parametrize("source", [GivenCamera(), TrueCamera()])
def test_a_camera_of_another_length_is_refused(source):
    clip = make_clip()
    short = map_tensors(clip.camera, lambda held: held[:-2])
    clip = replace(clip, camera=short, truth=replace(clip.truth, camera=short))
    with pytest.raises(BadInput, match=f"{clip.num_frames - 2} cameras for {clip.num_frames} frames"):
        source.trajectory(clip, clip.observations)
