"""Official HumanML3D features against the data set's own code."""

from __future__ import annotations

import pytest
import roma
import torch
from diffopt_core.host.testing import forbid_host_sync
from diffopt_priors.mdm import humanml3d
from goldens import Arrays, golden

stages = golden("humanml3d_features.npz")
constants = golden("humanml3d_stats.npz")

#: A few times what float32 does to the data set's own code, by group of features.
GROUPS = {(0, 1): 1e-5, (1, 3): 2e-6, (3, 4): 1e-6, (4, 67): 1e-5, (67, 193): 6e-5, (193, 259): 1e-5, (259, 263): 0.0}


def _clips(data: Arrays) -> list[str]:
    return [key.partition("/")[0] for key in data if key.endswith("/ric_joints")]


def _matrix(wxyz: torch.Tensor) -> torch.Tensor:
    return roma.unitquat_to_rotmat(torch.cat([wxyz[..., 1:], wxyz[..., :1]], dim=-1))


def near(a: torch.Tensor, b: torch.Tensor, tolerance: float) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=tolerance)


def test_every_stage_agrees(stages: Arrays, monkeypatch: pytest.MonkeyPatch) -> None:
    for clip in _clips(stages):
        given, uniform, placed, rifke, quaternion, unsmoothed, features = (
            stages[f"{clip}/{name}"].unsqueeze(0)
            for name in ("joints_in", "uniform", "canonical", "rifke", "ik_quat", "ik_root_quat_unsmoothed", "features")
        )
        root = humanml3d.yaw_matrix(humanml3d.heading(placed))
        near(humanml3d.uniform_skeleton(given), uniform, 5e-6)
        near(humanml3d.canonical(uniform), placed, 5e-6)
        near(humanml3d.local_positions(placed, root), rifke, 1e-5)
        near(humanml3d.bone_rotations(placed, root), _matrix(quaternion), 6e-5)
        with monkeypatch.context() as plain:
            plain.setattr(humanml3d, "_smooth", lambda forward: forward)
            near(humanml3d.yaw_matrix(humanml3d.heading(placed)), _matrix(unsmoothed), 1e-5)
        found = humanml3d.features(given)
        for (start, end), tolerance in GROUPS.items():
            near(found[..., start:end], features[..., start:end], tolerance)


def test_constants_are_the_data_sets(constants: Arrays) -> None:
    lengths = torch.tensor(humanml3d.LENGTHS)
    directions = torch.tensor(humanml3d.DIRECTIONS)
    torch.testing.assert_close(directions * lengths[:, None], constants["tgt_offsets"], rtol=0, atol=1e-6)
    assert directions.long().tolist() == constants["t2m_raw_offsets"].tolist()
    chains = [[j for j in chain if j >= 0] for chain in constants["t2m_kinematic_chain"].tolist()]
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
