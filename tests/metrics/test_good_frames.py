"""Frames that the truth does not call good count nowhere; a truth of another body brings its own mesh."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.skeleton import JOINTS, PARENTS
from diffopt_core.data.window import cut
from diffopt_core.errors import BadInput
from diffopt_core.parts.metrics.evaluate import report, score_files
from diffopt_core.types import Clip, Truth

NAMES = ["rigid_clip", "W-MPJPE100", "camera_pelvis", "mpvpe"]


class Mesh:
    """Joints of one T-pose, three vertices at each; ``grown`` makes a body of another shape."""

    name = "mesh"

    def __init__(self, rest, grown: float = 1.0, faces: int = 1):
        self.rest, self.faces = rest * grown, torch.zeros(faces, 3, dtype=torch.int64)

    def rest_joints(self, betas):
        return self.rest.expand(len(betas), 24, 3)

    def joints(self, motion):
        return forward_kinematics(motion.pose, self.rest, PARENTS)[1] + motion.trans.unsqueeze(-2)

    def keypoints(self, motion, layout):
        return self.joints(motion)

    def vertices(self, motion):
        return self.joints(motion).repeat_interleave(3, dim=-2)


@pytest.fixture
def scored(make, rest):
    s = make(120)
    truth = Truth(s.true, motion=s.true_motion, camera=s.true_camera)
    return Clip("walk", None, 30.0, (1920, 1080), 120, truth=truth), s


def test_frames_that_are_not_good_count_nowhere(scored, rest):
    clip, s = scored
    good = torch.ones(120, dtype=torch.bool)
    good[40:60] = False
    spoilt = s.pred_motion.trans.clone()
    spoilt[~good] += 1e3
    pred = replace(s.pred_motion, trans=spoilt)
    marked = replace(clip, truth=replace(clip.truth, good=good))
    nan = clip.truth.joints.clone()
    nan[~good] = torch.nan
    told = replace(clip, truth=replace(clip.truth, joints=nan))
    got = report(marked, pred, Mesh(rest), NAMES, s.pred_camera)
    want = report(told, pred, Mesh(rest), NAMES, s.pred_camera)
    assert not got.missing
    assert got.values == want.values and len(got.frames["rigid_clip"]) == 100
    assert report(clip, pred, Mesh(rest), ["rigid_clip"], s.pred_camera).values["rigid_clip"] > 1e4


def test_no_good_frame_is_no_score(scored, rest):
    clip, s = scored
    none = replace(clip, truth=replace(clip.truth, good=torch.zeros(120, dtype=torch.bool)))
    got = report(none, s.pred_motion, Mesh(rest), NAMES, s.pred_camera)
    assert set(got.missing) == set(NAMES) and np.isnan(list(got.values.values())).all()


def test_a_part_of_a_clip_keeps_its_marks(scored):
    good = torch.arange(120) % 3 > 0
    boxes = torch.arange(480.0).reshape(120, 4)
    clip = replace(scored[0], truth=replace(scored[0].truth, good=good, boxes=boxes))
    part = cut(clip, 10, 50, None).truth
    assert torch.equal(part.good, good[10:50]) and torch.equal(part.boxes, boxes[10:50])


def test_vertices_of_a_truth_with_a_body_of_its_own(scored, rest):
    clip, s = scored
    motion = replace(s.true_motion, betas_of="mesh-female")
    grown = Mesh(rest, 1.1)

    def vertices(body):
        other = replace(clip, truth=replace(clip.truth, motion=motion, body=body))
        return report(other, s.true_motion, Mesh(rest), ["mpvpe"], s.pred_camera)

    same = report(clip, s.true_motion, Mesh(rest), ["mpvpe"], s.pred_camera)
    assert same.values["mpvpe"] == pytest.approx(0, abs=1e-3)
    assert vertices(Mesh(rest)).values == pytest.approx(same.values, abs=1e-9)
    assert vertices(grown).values["mpvpe"] > 10
    assert "vertices" in vertices(Mesh(rest, faces=2)).missing["mpvpe"], "another mesh"
    assert "vertices" in vertices(None).missing["mpvpe"], "another shape space, and no body for it"


def test_files_honour_the_mask(tmp_path):
    rng = np.random.default_rng(0)
    true = rng.normal(size=(30, len(JOINTS), 3))
    good = np.arange(30) < 20
    pred = true.copy()
    pred[~good] += rng.normal(size=(10, 24, 3))
    np.savez(tmp_path / "motion.npz", joints=pred, fps=30.0)
    np.savez(tmp_path / "truth.npz", joints=true, good=good)
    got = score_files(tmp_path / "motion.npz", tmp_path / "truth.npz", ["rigid_clip"])
    assert got.values["rigid_clip"] == pytest.approx(0, abs=1e-6) and len(got.frames["rigid_clip"]) == 20
    np.savez(tmp_path / "truth.npz", joints=true, good=good[:7])
    with pytest.raises(BadInput, match=r"truth\.npz: good"):
        score_files(tmp_path / "motion.npz", tmp_path / "truth.npz", ["rigid_clip"])
