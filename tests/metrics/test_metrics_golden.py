"""Every formula against the published code's own numbers."""

import nemo_twin
import pytest
import torch
from diffopt_core.data.skeleton import JOINTS, PARENTS
from diffopt_core.interfaces import Scored
from diffopt_core.parts.metrics.evidence import ScoredMotion
from diffopt_core.parts.metrics.motion import acceleration_error, sliding
from diffopt_core.parts.metrics.report import metrics_named, score
from diffopt_core.types import CameraTrajectory, HumanMotion
from goldens import golden

world = golden("world_metrics.npz")
emdb = golden("emdb_metrics.npz")
nemo = golden("nemo_field.npz", twin=nemo_twin.arrays)


def close(ours, reference, tolerance):
    torch.testing.assert_close(ours.double(), reference.double(), atol=tolerance, rtol=0)


def test_world_metrics(world, frames_of):
    # The reference ran in float32; tolerances are a few times what that does to it.
    g = world
    scored = Scored(g["pred_joints"], g["gt_joints"], 30.0, JOINTS)
    close(frames_of(scored, "W-MPJPE100"), g["w_jpe"] * 1e3, 2e-3)
    close(frames_of(scored, "W-MPJPE100"), g["chunk100/w_jpe"] * 1e3, 2e-3)
    close(frames_of(scored, "WA-MPJPE100"), g["chunk100/wa_jpe"] * 1e3, 2e-3)
    close(frames_of(scored, "pa_mpjpe"), g["pa_jpe"] * 1e3, 2e-3)
    close(frames_of(scored, "jitter"), g["jitter"], 2e-3)
    assert frames_of(scored, "WA-MPJPE100").mean().item() == pytest.approx(g["chunk100/wa_mpjpe_mm"].item(), rel=1e-5)


def test_root_translation_error(world, frames_of):
    g = world
    scored = Scored(g["pred_trans"][:, None], g["gt_trans"][:, None], 30.0, ("pelvis",))
    close(frames_of(scored, "RTE"), g["rte"] * 100, 1e-4)


def test_acceleration_and_foot_sliding(world):
    g = world
    close(acceleration_error(g["pred_joints"].double(), g["gt_joints"].double()), g["accel_error"], 1e-6)
    ours = sliding(g["foot/pred"].double(), g["foot/gt"].double(), 30.0)
    close(ours.sort().values, g["foot/sliding"].sort().values * 1e3, 1e-3)


def test_nemo_global_error(nemo, frames_of):
    g = nemo
    scored = Scored(g["gmpjpe/pred"], g["gmpjpe/gt"], 30.0, tuple(map(str, range(g["gmpjpe/gt"].shape[1]))))
    close(frames_of(scored, "rigid_clip").mean(), g["gmpjpe/mm"], 1e-9)
    close(frames_of(scored, "pa_mpjpe").mean(), g["gmpjpe/mm_pa"], 1e-9)
    # NeMo fits on vertices: with the joints passed as vertices the mesh variants must say the same.
    mesh = Scored(scored.pred, scored.true, 30.0, scored.names, scored.pred, scored.true)
    close(frames_of(mesh, "rigid_clip_mesh").mean(), g["gmpjpe/mm"], 1e-9)
    close(frames_of(mesh, "rigid_clip_by_mesh").mean(), g["gmpjpe/mm"], 1e-9)


def _motion(orientations):
    pose = orientations.clone()
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            pose[:, joint] = orientations[:, parent].mT @ orientations[:, joint]
    return HumanMotion(pose, torch.zeros(len(pose), 3), torch.zeros(10))


def test_emdb_metrics(emdb):
    g = emdb
    T = len(g["gt_joints"])
    unread = torch.full((T, 2), torch.nan)
    to_camera = g["world2camera"]
    scored = ScoredMotion(
        g["pred_joints"], g["gt_joints"], 30.0, JOINTS, g["pred_verts"], g["gt_verts"],
        _motion(g["pred_rotmats"]), _motion(g["gt_rotmats"]),
        CameraTrajectory(torch.eye(3).expand(T, 3, 3), torch.zeros(T, 3), unread, unread),
        CameraTrajectory(to_camera[:, :3, :3], to_camera[:, :3, 3], unread, unread),
    )  # fmt: skip
    names = ("mpjpe", "mpjpe_pa", "mve", "mpjae", "mpjae_pa", "jitter")
    report = score(scored, metrics_named([f"emdb_{name}" for name in names]))
    for name in names:
        assert report.values[f"emdb_{name}"] == pytest.approx(
            g[f"emdb/{name}"].item(), rel=1e-9, abs=1e-6 if "mpjae" in name else None
        ), name
    close(report.frames["emdb_mpjpe"], g["emdb/mpjpe_all"], 1e-7)
    close(report.frames["emdb_mpjpe_pa"], g["emdb/mpjpe_pa_all"], 1e-7)
    close(report.frames["emdb_mve"], g["emdb/mve_all"], 1e-7)
    close(report.frames["emdb_mpjae"], g["emdb/mpjae_all"].mean(-1), 1e-6)
