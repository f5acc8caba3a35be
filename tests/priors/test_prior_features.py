"""The embedded features: invariance, inverse, gradients, scale between bodies."""

from __future__ import annotations

import pytest
import torch
from diffopt_core.data.chain import by_component
from diffopt_core.data.geometry import leg_length
from diffopt_core.data.rotation import axis_angle_to_matrix, yaw_to_matrix
from diffopt_core.data.skeleton import JOINTS, PARENTS
from diffopt_priors.mdm import features as F
from diffopt_priors.mdm.channels import channels, heading
from diffopt_priors.mdm.features import CONTACTS, DIM, STD_BLOCKS, TRAJECTORY
from hypothesis import given, settings
from hypothesis import strategies as st
from prior_cases import OFFSETS, motion

EMBED = {"offsets": OFFSETS.double(), "fps": 30.0}


def test_blocks_cover_every_channel_once() -> None:
    covered = sorted(c for block in STD_BLOCKS for c in block)
    assert covered == list(range(DIM))


def test_kinematics_by_levels_equals_the_plain_recursion() -> None:
    pose, root = motion(2, 3)
    rotation, position = [pose[:, :, 0]], [root]
    for joint in range(1, len(JOINTS)):
        parent = PARENTS[joint]
        position.append(position[parent] + rotation[parent] @ OFFSETS[joint])
        rotation.append(rotation[parent] @ pose[:, :, joint])
    torch.testing.assert_close(F.kinematics(pose, root, OFFSETS), torch.stack(position, dim=2))


@settings(max_examples=20, deadline=None)
@given(yaw=st.floats(-3.2, 3.2), x=st.floats(-50, 50), z=st.floats(-50, 50), seed=st.integers(0, 1000))
def test_yaw_and_horizontal_translation_change_nothing(yaw: float, x: float, z: float, seed: int) -> None:
    pose, root = motion(1, 10, seed, torch.float64)
    turn = yaw_to_matrix(torch.tensor(yaw, dtype=torch.float64))
    turned = torch.cat([(turn @ pose[:, :, 0]).unsqueeze(2), pose[:, :, 1:]], dim=2)
    moved = (turn @ root.unsqueeze(-1)).squeeze(-1) + torch.tensor([x, 0.0, z])
    torch.testing.assert_close(F.embed(turned, moved, **EMBED), F.embed(pose, root, **EMBED), rtol=0, atol=1e-9)


def test_inverse_gives_the_joints_back_up_to_the_gauge() -> None:
    pose, root = motion(3, 40, dtype=torch.float64)
    joints = F.kinematics(pose, root, EMBED["offsets"])[:, :-1, :22]
    sine, cosine = (v[:, :1, None] for v in heading(joints.permute(0, 3, 2, 1))[:2])
    start = joints[:, :1, :1] * torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64)
    expected = F.to_heading(joints - start, sine, cosine)
    found = F.embed(pose, root, **EMBED)
    torch.testing.assert_close(F.recover_joints(found), expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(F.recover_rotations(found), pose[:, :-1, 1:22], rtol=0, atol=1e-9)


def test_path_channels_alone_know_the_horizontal_speed() -> None:
    pose, root = motion(1, 20)
    faster = root * torch.tensor([2.0, 1.0, 2.0])
    changed = (F.embed(pose, root, OFFSETS, 30.0) - F.embed(pose, faster, OFFSETS, 30.0)).abs().amax((0, 1)) > 1e-5
    assert set(changed.nonzero().flatten().tolist()) <= set(TRAJECTORY)


def test_contacts_do_not_depend_on_the_frame_rate() -> None:
    pose, root = motion(2, 81)
    slow = F.embed(pose[:, ::2], root[:, ::2], OFFSETS, 15.0)[:, :, CONTACTS]
    fast = F.embed(pose, root, OFFSETS, 30.0)[:, ::2, CONTACTS]
    assert (slow == fast).float().mean() > 0.95


def test_gradcheck() -> None:
    pose, root = motion(1, 4, dtype=torch.float64)
    angle = torch.zeros(1, 4, 24, 3, dtype=torch.float64, requires_grad=True)

    def run(angle: torch.Tensor, root: torch.Tensor) -> torch.Tensor:
        return F.embed(pose @ axis_angle_to_matrix(angle), root, **EMBED)[..., : CONTACTS.start]

    # A point away from zero rotation: the map from axis-angle, not the features, is delicate there.
    start = (angle + 0.1).detach().requires_grad_()
    assert torch.autograd.gradcheck(run, (start, root.requires_grad_()), atol=1e-5, fast_mode=True)


@pytest.mark.parametrize("case", ["rest", "lying", "upside down", "frozen"])
def test_gradients_stay_finite(case: str) -> None:
    pose = torch.eye(3).expand(1, 6, 24, 3, 3).clone()
    if case == "lying":  # hips and shoulders vertical: no heading
        pose[:, :, 0] = axis_angle_to_matrix(torch.tensor([0.0, 0.0, torch.pi / 2]))
    if case == "upside down":
        pose[:, :, 0] = axis_angle_to_matrix(torch.tensor([torch.pi, 0.0, 0.0]))
    root = torch.zeros(1, 6, 3) if case == "frozen" else 0.1 * torch.arange(18.0).view(1, 6, 3)
    pose, root = pose.requires_grad_(), root.requires_grad_()
    found = F.embed(pose, root, OFFSETS, 30.0)
    assert found.isfinite().all()
    found.square().sum().backward()
    assert pose.grad is not None and pose.grad.isfinite().all()
    assert root.grad is not None and root.grad.isfinite().all()


def test_batch_equals_one_by_one() -> None:
    pose, root = motion(4, 12)
    together = F.embed(pose, root, OFFSETS, 30.0)
    alone = torch.cat([F.embed(p[None], r[None], OFFSETS, 30.0) for p, r in zip(pose, root, strict=True)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


def test_leg_length_scales_with_the_body() -> None:
    torch.testing.assert_close(leg_length(1.3 * OFFSETS), 1.3 * leg_length(OFFSETS))


def test_gradients_of_the_channels() -> None:
    """Of what moves them: contacts have none, and rotations are not those of the posed body here."""
    pose, root = motion(2, 4, dtype=torch.float64)
    planes, path = by_component(pose).detach().requires_grad_(True), root.mT.detach().requires_grad_(True)
    moved = torch.randn(2, 3, 4, 24, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *x: channels(*x, 30.0)[:, : CONTACTS.start], (planes, moved, path))
