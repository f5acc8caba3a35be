"""Resampling and windows."""

from __future__ import annotations

import pytest
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix, geodesic
from diffopt_priors.mdm.windows import Resampler, Windows, even_length
from hypothesis import given, settings
from hypothesis import strategies as st
from prior_cases import motion

CPU = torch.device("cpu")


@settings(deadline=None)
@given(frames=st.integers(1, 400), length=st.integers(1, 100), overlap=st.integers(0, 120))
def test_windows_cover_every_frame_fairly(frames: int, length: int, overlap: int) -> None:
    windows = Windows(frames, length, overlap, CPU)
    total = torch.zeros(frames).index_add_(0, windows.index.flatten(), windows.weight.flatten())
    torch.testing.assert_close(total, torch.full((frames,), 1 / frames))
    assert windows.index.shape == (1, windows.count, windows.length)


def test_short_clip_is_one_window() -> None:
    windows = Windows(20, 80, 16, CPU)
    assert (windows.count, windows.length) == (1, 20)


@pytest.mark.parametrize("fps", [30.0, 29.97])
def test_the_priors_own_rate_is_left_alone(fps: float) -> None:
    pose, root = motion(1, 10)
    resampler = Resampler(10, fps, 30.0, CPU)
    assert resampler(pose, root)[0] is pose


@pytest.mark.parametrize("fps", [20.0, 24.0, 25.0, 50.0, 60.0, 100.0])
@pytest.mark.parametrize("phase", [0.0, 0.999])
def test_steady_motion_is_resampled_exactly(fps: float, phase: float) -> None:
    frames = 61
    time = torch.arange(frames) / fps
    angle = torch.zeros(1, frames, 24, 3)
    angle[..., 1] = time[None, :, None]
    trans = torch.stack([time, 2 * time, -time], dim=-1).unsqueeze(0)
    resampler = Resampler(frames, fps, 30.0, CPU)
    pose, moved = resampler(axis_angle_to_matrix(angle), trans, torch.tensor([phase]))
    start = phase / 30 if resampler.random_phase else 0.0
    expected = start + torch.arange(resampler.frames) / 30
    torch.testing.assert_close(moved[0, :, 0], expected, rtol=0, atol=1e-5)
    turn = torch.stack([torch.zeros_like(expected), expected, torch.zeros_like(expected)], dim=-1)
    assert geodesic(pose[0, :, 3], axis_angle_to_matrix(turn)).max() < 1e-3
    assert expected[-1] <= time[-1] + 1e-5
    assert time[-1] - expected[-1] < 2.1 / 30


def test_every_frame_of_a_fast_clip_receives_gradient() -> None:
    pose, root = motion(1, 60)
    root = root.requires_grad_()
    resampler = Resampler(60, 60.0, 30.0, CPU)
    for phase in (0.1, 0.6):
        resampler(pose, root, torch.tensor([phase]))[1].square().sum().backward()
    assert root.grad is not None
    assert (root.grad[0, :58].abs().sum(-1) > 0).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 400), st.integers(8, 100), st.integers(0, 7))
def test_even_windows_are_as_few_and_no_longer_than_needed(frames, longest, overlap):
    length = even_length(frames, longest, overlap)
    assert length <= longest
    even, full = (Windows(frames, n, overlap, torch.device("cpu")) for n in (length, longest))
    assert even.count == full.count
    assert even.weight.sum().item() == pytest.approx(1.0, abs=1e-4)
