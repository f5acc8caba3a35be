"""Official HumanML3D features against the data set's own code."""

from __future__ import annotations

import pytest
import roma
import torch
from diffopt_core.testing import forbid_host_sync
from diffopt_priors.mdm import humanml3d
from prior_cases import golden

CLIPS = ("cmu_walk", "cmu_jump", "cmu_punch", "syn_turn", "syn_back", "syn_short", "syn_two")


def _matrix(wxyz: torch.Tensor) -> torch.Tensor:
    return roma.unitquat_to_rotmat(torch.cat([wxyz[..., 1:], wxyz[..., :1]], dim=-1))


@pytest.mark.parametrize("clip", CLIPS)
def test_every_stage_agrees(clip: str) -> None:
    data = golden("humanml3d_features.npz")

    def of(name: str) -> torch.Tensor:
        return data[f"{clip}/{name}"].unsqueeze(0)

    def near(a: torch.Tensor, b: torch.Tensor, tolerance: float) -> None:
        torch.testing.assert_close(a, b, rtol=0, atol=tolerance)

    placed = of("canonical")
    root = humanml3d.yaw_matrix(humanml3d.heading(placed))
    near(humanml3d.uniform_skeleton(of("joints_in")), of("uniform"), 5e-6)
    near(humanml3d.canonical(of("uniform")), placed, 5e-6)
    near(humanml3d.local_positions(placed, root), of("rifke"), 1e-5)
    near(humanml3d.bone_rotations(placed, root), _matrix(of("ik_quat")), 3e-5)
    plain = humanml3d.yaw_matrix(humanml3d.heading(placed, smooth=False))
    near(plain, _matrix(of("ik_root_quat_unsmoothed")), 1e-5)
    near(humanml3d.features(of("joints_in")), of("features"), 4e-5)


@pytest.mark.parametrize("clip", CLIPS)
def test_recovery_agrees(clip: str) -> None:
    data = golden("humanml3d_features.npz")
    features = data[f"{clip}/features"].unsqueeze(0)
    quaternion, position = humanml3d.recover_root(features)
    close = {"rtol": 0, "atol": 2e-6}
    torch.testing.assert_close(quaternion[0], data[f"{clip}/root_quat"][:, [0, 2]], **close)
    torch.testing.assert_close(position[0], data[f"{clip}/root_pos"], **close)
    torch.testing.assert_close(humanml3d.recover_joints(features)[0], data[f"{clip}/ric_joints"], **close)
    rotated = humanml3d.recover_joints_from_rotations(features)
    torch.testing.assert_close(rotated[0], data[f"{clip}/rot_joints"], **close)


def test_constants_are_the_data_sets() -> None:
    data = golden("humanml3d_stats.npz")
    lengths = torch.tensor(humanml3d.LENGTHS)
    directions = torch.tensor(humanml3d.DIRECTIONS)
    torch.testing.assert_close(directions * lengths[:, None], data["tgt_offsets"], rtol=0, atol=1e-6)
    assert directions.long().tolist() == data["t2m_raw_offsets"].tolist()
    chains = [[j for j in chain if j >= 0] for chain in data["t2m_kinematic_chain"].tolist()]
    assert [list(chain) for chain in humanml3d.CHAINS] == chains


def test_batch_equals_one_by_one_and_gradient_is_finite() -> None:
    generator = torch.Generator().manual_seed(0)
    joints = torch.randn(3, 12, 22, 3, generator=generator).cumsum(1) * 0.02
    joints = (joints + torch.randn(1, 1, 22, 3, generator=generator)).requires_grad_()
    together = humanml3d.features(joints)
    alone = torch.cat([humanml3d.features(one.unsqueeze(0)) for one in joints])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)
    together.square().sum().backward()
    assert joints.grad is not None and joints.grad.isfinite().all()


def test_features_need_nothing_of_the_host() -> None:
    joints = torch.randn(2, 12, 22, 3, generator=torch.Generator().manual_seed(0))
    humanml3d.features(joints)  # constants are made at the first call
    with forbid_host_sync():
        humanml3d.features(joints)
