"""Errors of camera paths: known answers, and evo (GPL, in this test alone) as an oracle where it is installed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.parts.metrics.report import metrics_named, score
from diffopt_core.types import CameraTrajectory

NAMES = ("camera_ate", "camera_ate_scaled", "camera_rpe", "camera_rpe_scaled", "camera_rpe_rotation")


def path(seed: int, frames: int = 60) -> CameraTrajectory:
    """A camera that turns and travels smoothly."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None] / 30
    turn = 0.3 * np.sin(2 * time + rng.uniform(0, 6, 3))
    centre = np.cumsum(0.02 * np.cos(time * rng.uniform(1, 3, 3) + rng.uniform(0, 6, 3)), 0)
    R = axis_angle_to_matrix(torch.from_numpy(turn))
    t = -(R @ torch.from_numpy(centre)[..., None])[..., 0]
    unread = torch.full((frames, 2), torch.nan)
    return CameraTrajectory(R, t, unread, unread)


def values(make, pred, true):
    scored = replace(make(len(true.t)), pred_camera=pred, true_camera=true)
    return score(scored, metrics_named(NAMES))


def moved(camera, scale=1.0):
    """The same path in another world, and in another unit."""
    turn = axis_angle_to_matrix(torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64))
    centre = scale * camera.position @ turn.mT + torch.tensor([3.0, -1.0, 5.0], dtype=torch.float64)
    R = camera.R @ turn.mT
    return replace(camera, R=R, t=-(R @ centre[..., None])[..., 0])


def test_another_world_is_no_error_and_another_unit_is(make):
    true = path(0)
    assert max(values(make, moved(true), true).values.values()) < 1e-5
    found = values(make, moved(true, 1.7), true).values
    assert (
        found["camera_ate_scaled"] < 1e-6 and found["camera_rpe_scaled"] < 1e-6 and found["camera_rpe_rotation"] < 1e-5
    )
    steps = true.position.diff(dim=0).norm(dim=-1).square().mean().sqrt().item()
    assert found["camera_rpe"] == pytest.approx(700 * steps)
    assert found["camera_ate"] > 1


def test_a_camera_that_stands_has_no_scale(make):
    true = path(0)
    R = torch.eye(3, dtype=torch.float64).expand(60, 3, 3)
    report = values(make, replace(true, R=R, t=torch.zeros(60, 3, dtype=torch.float64)), true)
    assert (
        "does not move" in report.missing["camera_ate_scaled"]
        and "does not move" in report.missing["camera_rpe_scaled"]
    )
    spread = (true.position - true.position.mean(0)).square().sum(-1).mean().sqrt().item() * 1000
    assert report.values["camera_ate"] == pytest.approx(spread)


@pytest.mark.parametrize("seed", [1, 2])
def test_evo_agrees(make, seed):
    metrics = pytest.importorskip("evo.core.metrics", reason="evo is not installed")
    from evo.core.trajectory import PosePath3D

    pred, true = path(seed), path(seed + 10)

    def poses(camera):
        out = np.tile(np.eye(4), (len(camera.t), 1, 1))
        out[:, :3, :3], out[:, :3, 3] = camera.R.mT.numpy(), camera.position.numpy()
        return PosePath3D(poses_se3=list(out))

    def oracle(metric, scale):
        reference, estimate = poses(true), poses(pred)
        estimate.align(reference, correct_scale=scale)
        metric.process_data((reference, estimate))
        return metric.get_statistic(metrics.StatisticsType.rmse)

    ape, rpe = metrics.APE, metrics.RPE
    part = metrics.PoseRelation
    step = {"delta": 1, "delta_unit": metrics.Unit.frames, "all_pairs": False}
    expected = {
        "camera_ate": 1000 * oracle(ape(part.translation_part), False),
        "camera_ate_scaled": 1000 * oracle(ape(part.translation_part), True),
        "camera_rpe": 1000 * oracle(rpe(part.translation_part, **step), False),
        "camera_rpe_scaled": 1000 * oracle(rpe(part.translation_part, **step), True),
        "camera_rpe_rotation": oracle(rpe(part.rotation_angle_deg, **step), False),
    }
    assert values(make, pred, true).values == pytest.approx(expected, rel=1e-6)


def test_trams_chunks_join_the_rest_to_the_last_and_drop_a_frame():
    from diffopt_core.parts.metrics.evidence import NotScorable
    from diffopt_core.parts.metrics.path import TramChunkedMpjpe

    def chunks(frames):
        return [(part.start, part.stop) for part in TramChunkedMpjpe(2).chunks(frames)]

    assert chunks(250) == [(0, 100), (100, 249)] and chunks(150) == [(0, 149)]
    assert chunks(200) == [(0, 100)], "of a whole number of chunks the last is never looked at"
    with pytest.raises(NotScorable, match="more than 100 frames"):
        chunks(100)
