"""Cutting and stacking of clips."""

from __future__ import annotations

import pytest
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.data.window import Evidence, cut, key, pick, stack, travel_of
from diffopt_core.errors import DiffOptError
from diffopt_core.types import CameraFrameBody, CameraTrajectory, Clip, Observations


def clip(frames: int = 12, fps: float = 30.0) -> Clip:
    eye = torch.eye(3).expand(frames, 3, 3)
    focal = torch.full((frames, 2), 900.0)
    return Clip(
        "clip",
        None,
        fps,
        (640, 480),
        frames,
        observations=Observations(torch.arange(frames * 51.0).view(frames, 17, 3), "coco17", torch.ones(frames) > 0),
        body=CameraFrameBody(eye, eye.unsqueeze(1).expand(-1, 23, -1, -1), torch.ones(frames, 3), torch.zeros(10)),
        camera=CameraTrajectory(eye, torch.zeros(frames, 3), focal, focal / 2),
    )


def evidence(item: Clip) -> Evidence:
    return Evidence(item, item.observations, item.camera, item.body)


def test_cut_takes_the_same_frames_of_everything_and_leaves_the_shape():
    part = cut(clip(), 3, 9, 60.0)
    assert part.num_frames == 6 and part.fps == 60.0
    assert part.observations.keypoints.shape == (6, 17, 3) and part.camera.t.shape == (6, 3)
    assert part.body.betas.shape == (10,)
    torch.testing.assert_close(part.observations.keypoints, clip().observations.keypoints[3:9])


def test_cut_refuses_fewer_than_three_frames():
    with pytest.raises(DiffOptError, match="at least 3"):
        cut(clip(), 5, 7, None)


def test_stack_and_pick_are_inverse():
    items = [clip(), clip()]
    batch = stack([evidence(item) for item in items], torch.device("cpu"))
    assert batch.transl.shape == (2, 12, 3) and batch.rest_joints is None
    again = pick(batch.camera, 1)
    torch.testing.assert_close(again.focal, items[1].camera.focal)


def test_clips_of_different_rate_do_not_share_a_batch():
    assert key(evidence(clip())) != key(evidence(clip(fps=25.0)))
    with pytest.raises(DiffOptError, match="frame rate"):
        stack([evidence(clip()), evidence(clip(fps=25.0))], torch.device("cpu"))


def test_a_path_says_whether_the_camera_stands_turns_or_travels():
    """About a camera at (3, 1, -8), whose t turns with it."""
    time = torch.linspace(0.0, 1.0, 20)[:, None]
    turned, still = axis_angle_to_matrix(time * torch.tensor([0.1, 0.5, 0.0])), torch.eye(3).expand(20, 3, 3)
    at = torch.tensor([3.0, 1.0, -8.0])

    def travel(R, place):
        return travel_of(R, -(R @ place.expand(20, 3)[..., None])[..., 0])

    assert travel(still, at) == "stands" and travel(turned, at) == "turns"
    assert travel(turned, at + 0.1 * time) == travel(still, at + 0.1 * time) == "travels"
