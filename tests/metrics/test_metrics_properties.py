"""What each protocol must not see, and what it must."""

from dataclasses import replace

import pytest
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix, yaw_to_matrix
from hypothesis import given, settings
from hypothesis import strategies as st

number = st.floats(-3, 3, allow_nan=False, width=32)
vector = st.tuples(number, number, number).map(lambda v: torch.tensor(v, dtype=torch.float64))
few = settings(max_examples=10, deadline=None, derandomize=True)


def moved(scored, rotvec, shift, scale=1.0):
    return replace(scored, pred=scale * scored.pred @ axis_angle_to_matrix(rotvec).mT + shift)


RIGID = ("rigid_clip", "first_frame", "W-MPJPE100", "WA-MPJPE100", "RTE", "path_ratio", "mpjpe_rigid", "nemo_local",
         "pa_mpjpe", "jitter", "accel", "foot_sliding_joints")  # fmt: skip


@pytest.mark.parametrize("name", RIGID)
@few
@given(rotvec=vector, shift=vector, seed=st.integers(0, 5))
def test_no_protocol_sees_the_world_frame(make, frames_of, name, rotvec, shift, seed):
    scored = make(24, seed)
    torch.testing.assert_close(
        frames_of(moved(scored, rotvec, shift), name), frames_of(scored, name), atol=1e-6, rtol=1e-6
    )


@few
@given(angle=number, x=number, z=number)
def test_heading_sees_no_turn_about_the_vertical(make, frames_of, angle, x, z):
    scored = make(24)
    turn = yaw_to_matrix(torch.tensor(angle, dtype=torch.float64))
    pred = scored.pred @ turn.mT + torch.tensor([x, 0.0, z])
    torch.testing.assert_close(
        frames_of(replace(scored, pred=pred), "heading_250"), frames_of(scored, "heading_250"), atol=1e-6, rtol=1e-6
    )


@pytest.mark.parametrize("name", ["W-MPJPE100", "WA-MPJPE100", "pa_mpjpe"])
@few
@given(rotvec=vector, shift=vector, scale=st.floats(0.2, 5))
def test_similarities_are_undone(make, frames_of, name, rotvec, shift, scale):
    scored = make(24)
    torch.testing.assert_close(
        frames_of(moved(scored, rotvec, shift, scale), name), frames_of(scored, name), atol=1e-6, rtol=1e-6
    )


@pytest.mark.parametrize("name", ["rigid_clip", "first_frame", "RTE", "mpjpe_rigid"])
@few
@given(scale=st.one_of(st.floats(0.2, 0.8), st.floats(1.25, 5)))
def test_scale_is_punished(make, frames_of, name, scale):
    scored = make(24)
    perfect = replace(scored, pred=scored.true)
    wrong = moved(perfect, torch.zeros(3, dtype=torch.float64), torch.zeros(3), scale)
    assert frames_of(wrong, name).mean() > 1.0


@pytest.mark.parametrize(
    "name", ["rigid_clip", "first_frame", "W-MPJPE100", "mpjpe_rigid", "pa_mpjpe", "jitter", "RTE"]
)
@few
@given(order=st.permutations(range(24)))
def test_the_order_of_joints_does_not_matter(make, frames_of, name, order):
    scored = make(12)
    shuffled = replace(
        scored, pred=scored.pred[:, order], true=scored.true[:, order], names=tuple(scored.names[i] for i in order)
    )
    torch.testing.assert_close(frames_of(shuffled, name), frames_of(scored, name), atol=1e-7, rtol=1e-7)


@few
@given(seed=st.integers(0, 20))
def test_least_squares_bound(make, frames_of, seed):
    """Fits with more freedom are closer in root mean square, so nearly always in the mean; jitter needs no truth."""
    scored = make(24, seed)
    assert frames_of(scored, "pa_mpjpe").mean() <= frames_of(scored, "WA-MPJPE100").mean() * 1.05
    assert frames_of(scored, "WA-MPJPE100").mean() <= frames_of(scored, "first_frame").mean() * 1.05
    blind = replace(scored, true=torch.full_like(scored.true, torch.nan))
    torch.testing.assert_close(frames_of(blind, "jitter"), frames_of(scored, "jitter"))


def test_single_and_double_precision_agree(make, frames_of):
    scored = make(60)
    single = replace(scored, pred=scored.pred.float(), true=scored.true.float())
    for name in RIGID:
        torch.testing.assert_close(frames_of(single, name), frames_of(scored, name), atol=2e-2, rtol=1e-4)
