"""Cases whose answer is known on paper."""

from dataclasses import replace

import pytest
import torch
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.rotation import axis_angle_to_matrix, yaw_to_matrix
from diffopt_core.data.skeleton import COCO17, JOINTS, PARENTS
from diffopt_core.interfaces import Scored
from diffopt_core.parts.metrics.motion import acceleration_error

ALIGNED = ("rigid_clip", "first_frame", "heading_250", "W-MPJPE100", "WA-MPJPE100", "RTE", "mpjpe_rigid", "pa_mpjpe")


@pytest.mark.parametrize("name", [*ALIGNED, "nemo_local", "camera_pelvis", "accel", "emdb_mpjae"])
def test_the_truth_scores_zero(make, frames_of, name):
    s = make(130)
    same = replace(s, pred=s.true, pred_motion=s.true_motion)
    assert frames_of(same, name).abs().max() < 1e-5


def test_constant_offset_of_one_joint(make, frames_of):
    s = make(20)
    pred = s.true.clone()
    pred[:, JOINTS.index("head"), 1] += 0.24
    s = replace(s, pred=pred)
    torch.testing.assert_close(frames_of(s, "camera_pelvis"), torch.full((20,), 10.0, dtype=torch.float64))
    # The trunk is untouched, so nothing turns and the offset stays as it is.
    torch.testing.assert_close(frames_of(s, "nemo_local"), torch.full((20,), 10.0, dtype=torch.float64))
    assert 0 < frames_of(s, "rigid_clip").mean() < 20


def test_a_lifted_hip_counts_half_in_the_pelvis(make, frames_of):
    s = make(5)
    pred = s.true.clone()
    pred[:, 1, 1] += 0.1
    # 23 joints sink by 50 mm with the mid-hip; the lifted hip stays 50 mm above.
    assert frames_of(replace(s, pred=pred), "camera_pelvis").mean().item() == pytest.approx(50.0)


def test_chunks_of_a_hundred_frames(make, frames_of):
    s = make(201)
    pred = s.true.clone()
    pred[100:200] += torch.tensor([5.0, 0.0, 1.0])
    pred[200:] *= 2.0
    assert frames_of(replace(s, pred=pred), "W-MPJPE100").max() < 1e-6  # the jumps fall between chunks
    pred[150] += 1.0
    errors = frames_of(replace(s, pred=pred), "W-MPJPE100")
    assert errors.shape == (201,)
    assert errors[150].item() == pytest.approx(3**0.5 * 1e3)
    assert errors[:150].max() < 1e-6


def test_trajectory_scale(make, frames_of):
    s = make(90)
    root = s.true[:, :1]
    half = replace(s, pred=s.true - root + 0.5 * root)
    assert frames_of(half, "path_ratio").item() == pytest.approx(0.5)
    # The first two frames fix the body, so W sees the whole error of the path; WA spreads it.
    assert frames_of(half, "W-MPJPE100")[-1] > 1200
    assert frames_of(half, "WA-MPJPE100").mean() < 0.6 * frames_of(half, "W-MPJPE100").mean()


def test_rte_of_a_half_path_on_a_line(frames_of):
    # Root at 0, 1, …, 10 m; predicted at half of it. Centred: the error is |i - 5| / 2, the path is 10 m long.
    true = torch.zeros(11, 1, 3, dtype=torch.float64)
    true[:, 0, 2] = torch.arange(11)
    got = frames_of(Scored(0.5 * true, true, 30.0, ("pelvis",)), "RTE")
    torch.testing.assert_close(got, (torch.arange(11).double() - 5).abs() / 2 / 10 * 100)


def test_a_person_found_still_has_an_rte(frames_of):
    true = torch.zeros(3, 1, 3, dtype=torch.float64)
    true[:, 0, 2] = torch.tensor([0.0, 1.0, 2.0])
    got = frames_of(Scored(torch.ones_like(true), true, 30.0, ("pelvis",)), "RTE")
    torch.testing.assert_close(got, torch.tensor([50.0, 0.0, 50.0], dtype=torch.float64))


@pytest.mark.parametrize("fps", [25.0, 30.0, 60.0])
def test_jitter_is_in_seconds_whatever_the_frame_rate(make, frames_of, fps):
    # x = t^3 has the third derivative 6 m/s^3: 0.6 of the unit.
    time = torch.arange(12).double() / fps
    pred = torch.zeros(12, 24, 3, dtype=torch.float64)
    pred[..., 0] = time[:, None] ** 3
    scored = replace(make(12), pred=pred, fps=fps)
    torch.testing.assert_close(frames_of(scored, "jitter"), torch.full((9,), 0.6, dtype=torch.float64))


def test_acceleration_is_in_seconds(make, frames_of):
    # x = t^2 / 2 has the acceleration 1 per frame squared.
    true = torch.zeros(6, 2, 3, dtype=torch.float64)
    pred = true.clone()
    pred[..., 1] = torch.arange(6).double()[:, None] ** 2 / 2
    torch.testing.assert_close(acceleration_error(pred, true), torch.ones(4, dtype=torch.float64))
    s = make(20)
    torch.testing.assert_close(frames_of(replace(s, fps=60.0), "accel"), 4 * frames_of(s, "accel"))


@pytest.mark.parametrize("fps", [30.0, 60.0])
def test_foot_sliding_counts_only_where_the_true_foot_stands(make, frames_of, fps):
    s = make(11, fps=fps)
    true, pred = s.true[:1].repeat(11, 1, 1), s.true[:1].repeat(11, 1, 1)
    true[5:, [7, 10]] += 1.0  # one step of the left foot: not a contact, whatever the prediction does
    pred[5:, [7, 10]] += 9.0
    pred[:, [8, 11], 2] += 0.3 * (torch.arange(11).double() / fps)[:, None]  # the right foot slides at 0.3 m/s
    got = frames_of(replace(s, pred=pred, true=true), "foot_sliding_joints")
    assert got.shape == (4 * 10 - 2,)
    assert got.max().item() == pytest.approx(10.0)  # mm per 1/30 s
    assert got.sum().item() == pytest.approx(200.0)


def test_foot_sliding_reads_the_published_vertices(make, frames_of):
    true = torch.zeros(3, 6890, 3, dtype=torch.float64)
    pred = true.clone()
    pred[1:, [3216, 3387, 6617, 6787], 0] = 0.004
    pred[:, 0, 0] = torch.tensor([0.0, 5.0, 9.0])  # any other vertex may do as it likes
    got = frames_of(replace(make(3), pred_vertices=pred, true_vertices=true), "foot_sliding")
    assert got.sort().values.tolist() == pytest.approx([0.0] * 4 + [4.0] * 4)


def test_nemo_local_is_the_body_without_its_root(make, frames_of, rest):
    s = make(25)
    bodies = []
    for motion in (s.pred_motion, s.true_motion):
        pose = motion.pose.clone()
        pose[:, 0] = torch.eye(3)
        bodies.append(forward_kinematics(pose, rest, PARENTS)[1])
    expected = (bodies[0] - bodies[1]).norm(dim=-1).mean(-1) * 1e3
    torch.testing.assert_close(frames_of(s, "nemo_local"), expected)


def test_nemo_local_ignores_orientation_and_camera_pelvis_does_not(make, frames_of):
    s = make(10)
    turned = replace(s, pred=s.true @ axis_angle_to_matrix(torch.tensor([0.3, 0.1, -0.2], dtype=torch.float64)).mT)
    assert frames_of(turned, "nemo_local").max() < 1e-6
    assert frames_of(turned, "camera_pelvis").min() > 30


def test_heading_renewed_every_250_frames(make, frames_of):
    s = make(300)
    # A turn and a shift of the whole prediction vanish, and so does a jump at frame 250 that frame 249 shares.
    moved = s.true @ yaw_to_matrix(torch.tensor(1.1, dtype=torch.float64)).mT + torch.tensor([3.0, 0.0, -2.0])
    assert frames_of(replace(s, pred=moved), "heading_250").max() < 1e-6
    raised = replace(s, pred=s.true + torch.tensor([0.0, 0.1, 0.0]))
    torch.testing.assert_close(frames_of(raised, "heading_250"), torch.full((300,), 100.0, dtype=torch.float64))
    jumped = moved.clone()
    jumped[249:] += 1.0
    errors = frames_of(replace(s, pred=jumped), "heading_250")
    assert errors[248] < 1e-6
    assert errors[250:].min() == pytest.approx(1000.0)  # the height stays wrong, the horizontal jump is absorbed
    assert errors[250:].max() == pytest.approx(1000.0)


def test_a_mirrored_body_is_not_reflected_back(make, frames_of):
    s = make(10)
    mirrored = replace(s, pred=s.true * torch.tensor([-1.0, 1.0, 1.0]))
    for name in ("rigid_clip", "pa_mpjpe", "WA-MPJPE100"):
        assert frames_of(mirrored, name).mean() > 10, name


def test_layout_without_pelvis(make, frames_of):
    s = make(30)
    names = ("left_shoulder", "right_shoulder", "left_hip", "right_hip", "left_ankle", "right_ankle")
    index = [JOINTS.index(name) for name in names]
    coco = Scored(s.pred[:, index], s.true[:, index], 30.0, names)
    assert set(names) <= set(COCO17)
    expected = s.true[:, [1, 2]].mean(1, keepdim=True)
    root_only = Scored(s.pred[:, [1, 2]].mean(1, keepdim=True), expected, 30.0, ("pelvis",))
    torch.testing.assert_close(frames_of(coco, "RTE"), frames_of(root_only, "RTE"))
    for name in ("heading_250", "mpjpe_rigid", "foot_sliding_joints"):
        frames_of(coco, name)
