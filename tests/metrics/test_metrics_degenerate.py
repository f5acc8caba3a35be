"""Inputs without an answer give nan and say why; they never give a number."""

import math
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from diffopt_core.data.skeleton import JOINTS
from diffopt_core.interfaces import Scored
from diffopt_core.parts.metrics import COMPONENTS, DEFAULT
from diffopt_core.parts.metrics.evidence import NotScorable, fitted
from diffopt_core.parts.metrics.report import metrics_named, score

NAMES = [component.name for component in COMPONENTS]
FITTED = ("rigid_clip", "first_frame", "W-MPJPE100", "WA-MPJPE100", "mpjpe_rigid", "nemo_local", "pa_mpjpe", "accel")


def reason(scored, name):
    report = score(scored, metrics_named([name]))
    assert math.isnan(report.values[name]), f"{name} gave {report.values[name]}"
    assert name not in report.frames
    return report.missing[name]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "emdb_mpjae"])  # that one reads rotations only
def test_nan_in_the_prediction_is_named(make, name):
    scored = make(12)
    broken = scored.pred.clone()
    broken[3, 5, 0] = torch.nan
    why = reason(replace(scored, pred=broken), name)
    if "vertices" not in why:
        assert "not finite in 1 frames, the first is 3" in why


@pytest.mark.parametrize("name", FITTED)
@pytest.mark.parametrize("side", ["pred", "true"])
def test_all_points_equal(make, name, side):
    scored = make(12)
    assert "not unique" in reason(replace(scored, **{side: torch.ones_like(scored.pred)}), name)


@pytest.mark.parametrize("name", ["rigid_clip", "first_frame", "pa_mpjpe"])
def test_points_on_a_line(make, name):
    line = torch.arange(12 * 24).double().reshape(12, 24, 1) * torch.tensor([0.1, 0.2, -0.3], dtype=torch.float64)
    assert "not unique" in reason(replace(make(12), pred=line), name)


def test_two_frames(make):
    scored = make(2)
    assert reason(scored, "jitter") == "needs 4 frames, has 2"
    assert reason(scored, "accel") == "needs 3 frames, has 2"
    report = score(scored, metrics_named(["rigid_clip", "W-MPJPE100", "RTE", "pa_mpjpe"]))
    assert not report.missing
    assert reason(make(1), "RTE") == "needs 2 frames, has 1"


def test_who_does_not_move_has_no_path(make):
    scored = make(30)
    still = replace(scored, true=scored.true[:1].expand_as(scored.true))
    assert "does not move" in reason(still, "RTE")
    assert "does not move" in reason(still, "path_ratio")


def test_feet_that_never_stand(make):
    scored = make(30)
    flying = replace(scored, true=scored.true + torch.arange(30).double()[:, None, None])
    assert "ever in contact" in reason(flying, "foot_sliding_joints")


def test_no_heading_when_lying_on_the_side(make):
    scored = make(10)
    side = scored.true[:1].expand_as(scored.true).clone()
    side[:, [2, 17]] = side[:, [1, 16]] - torch.tensor([0.0, 0.2, 0.0])
    assert "no heading" in reason(replace(scored, true=side), "heading_250")


def test_what_is_absent_is_named(make):
    bare = Scored(make(8).pred, make(8).true, 30.0, JOINTS)
    assert "camera" in reason(bare, "camera_pelvis")
    assert "rotations" in reason(bare, "emdb_mpjae")
    assert "vertices" in reason(bare, "mpvpe")
    assert "left_hip, right_hip" in reason(replace(bare, names=tuple(map(str, range(24)))), "mpjpe_rigid")
    assert "6890" in reason(replace(bare, pred_vertices=bare.pred, true_vertices=bare.true), "foot_sliding")
    assert "shape" in reason(replace(bare, pred=bare.pred[:0], true=bare.true[:0]), "jitter")


def test_other_frames_than_the_truth_are_named(make, unchecked):
    scored = make(8)
    assert "shape" in reason(Scored(scored.pred, scored.true[1:], 30.0, JOINTS), "rigid_clip")


def test_reflection_that_ties_is_refused():
    # Three equal axes: seen in a mirror, the best rotation is any of many.
    cube = torch.cat([torch.eye(3), -torch.eye(3)]).double()
    with pytest.raises(NotScorable):
        fitted(cube, -cube, scale=True)
    R, _, _ = fitted(cube, cube, scale=True)
    torch.testing.assert_close(R, torch.eye(3, dtype=torch.float64))


def test_every_metric_is_built_and_documented():
    assert len(set(NAMES)) == len(NAMES)
    assert set(DEFAULT) <= set(NAMES)
    assert not {name.lower() for name in NAMES} & {"g-mpjpe", "g-mpvpe", "mpjpe"}  # papers disagree on what these are
    for component in COMPONENTS:
        metric = metrics_named([component.name])[component.name]
        unit = component.summary.split(";")[0]
        assert unit.startswith(metric.unit) or not metric.unit, component
        assert "Source" in type(metric).__doc__, component


def test_listing_metrics_does_not_import_torch():
    code = "import sys, diffopt_core.parts.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == 0
