"""From clips and files to reports, and the figures that are quoted for the simulated cases."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffopt_core.data.geometry import camera_to_world, forward_kinematics
from diffopt_core.data.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from diffopt_core.data.skeleton import JOINTS, PARENTS
from diffopt_core.errors import BadInput, DiffOptError, UnknownName
from diffopt_core.parts.datasets.case_file import write_case
from diffopt_core.parts.datasets.simulator.simulate import simulate
from diffopt_core.parts.demo_motion import demo_clip
from diffopt_core.parts.metrics.evaluate import report, score_files
from diffopt_core.parts.metrics.report import aggregate, metrics_named, score
from diffopt_core.types import Clip, HumanMotion, Truth
from goldens import beside

#: Figures of the placement, mm, %: of the drawn walk under four seeds, and the quoted ones of the 16 wild cases.
PLACED = {
    "drawn": {
        "rigid_clip": 311, "W-MPJPE100": 649, "WA-MPJPE100": 257, "RTE": 8, "mpjpe_rigid": 109, "pa_mpjpe": 79,
        "jitter": 760,
    },
    "wild": {
        "rigid_clip": 455, "W-MPJPE100": 863, "WA-MPJPE100": 294, "RTE": 28, "mpjpe_rigid": 116, "pa_mpjpe": 77,
        "jitter": 783,
    },
}  # fmt: skip


class Points:
    """A body without a surface: kinematics of one T-pose. ``smpl24`` and a layout of its first joints."""

    name = "points"

    def __init__(self, rest):
        self.rest = rest

    def rest_joints(self, betas):
        return self.rest.expand(len(betas), 24, 3)

    def joints(self, motion: HumanMotion):
        assert motion.pose.ndim == 5 and motion.trans.ndim == 3 and motion.betas.ndim == 2
        return forward_kinematics(motion.pose, self.rest, PARENTS)[1] + motion.trans.unsqueeze(-2)

    def keypoints(self, motion, layout):
        assert layout == "coco17"
        return self.joints(motion)[..., :17, :]


class Mesh(Points):
    faces = torch.zeros(1, 3, dtype=torch.int64)

    def vertices(self, motion):
        return self.joints(motion).repeat_interleave(3, dim=-2)


@pytest.fixture
def clip(make, rest):
    s = make(300)
    truth = Truth(s.true.float(), motion=s.true_motion, camera=s.true_camera)
    return Clip("walk", None, 30.0, (1920, 1080), 300, truth=truth), s


def test_evaluate_gives_what_the_metrics_give(clip, rest):
    clip, s = clip
    names = ["rigid_clip", "camera_pelvis", "emdb_mpjae", "mpvpe"]
    got = report(clip, s.pred_motion, Points(rest), names, s.pred_camera).values
    want = score(s, metrics_named(names)).values
    assert got["rigid_clip"] == pytest.approx(want["rigid_clip"], rel=1e-5)
    assert got["camera_pelvis"] == pytest.approx(want["camera_pelvis"], rel=1e-5)
    assert got["emdb_mpjae"] == pytest.approx(want["emdb_mpjae"], rel=1e-5)
    assert math.isnan(got["mpvpe"])
    assert "camera" in report(clip, s.pred_motion, Points(rest), names).missing["camera_pelvis"]


def test_vertices_of_a_mesh_body(clip, rest):
    clip, s = clip
    got = report(clip, s.pred_motion, Mesh(rest), ["mpvpe", "mpjpe_rigid", "rigid_clip_mesh", "rigid_clip"]).values
    # Every joint thrice is the same set of points.
    assert got["mpvpe"] == pytest.approx(got["mpjpe_rigid"], rel=1e-6)
    assert got["rigid_clip_mesh"] == pytest.approx(got["rigid_clip"], rel=1e-4)
    other = replace(clip, truth=replace(clip.truth, motion=replace(s.true_motion, betas_of="anny")))
    assert "truth has no vertices" in report(other, s.pred_motion, Mesh(rest), ["mpvpe"]).missing["mpvpe"]


def test_truth_in_another_layout(clip, rest):
    clip, s = clip
    part = replace(clip, truth=Truth(s.true[:, [3, 5, 9, 12]], layout="coco17", index=(3, 5, 9, 12)))
    want = score(
        replace(s, pred=s.pred[:, [3, 5, 9, 12]], true=s.true[:, [3, 5, 9, 12]]), metrics_named(["rigid_clip"])
    )
    assert report(part, s.pred_motion, Points(rest), ["rigid_clip"]).values == pytest.approx(want.values)
    with pytest.raises(DiffOptError, match="4 joints, expected 17"):
        report(replace(part, truth=replace(part.truth, index=None)), s.pred_motion, Points(rest))


def test_bad_frames_of_the_truth_are_dropped(clip, rest):
    clip, s = clip
    joints = s.true.clone()
    joints[40:90, 7] = torch.nan
    gap = replace(clip, truth=replace(clip.truth, joints=joints))
    got = report(gap, s.pred_motion, Points(rest), ["rigid_clip", "camera_pelvis", "emdb_mpjae"], s.pred_camera)
    assert {name: len(f) for name, f in got.frames.items()} == dict.fromkeys(got.values, 250)
    keep = torch.cat([torch.arange(40), torch.arange(90, 300)])
    want = score(replace(s, pred=s.pred[keep], true=s.true[keep]), metrics_named(["rigid_clip"])).values["rigid_clip"]
    assert got.values["rigid_clip"] == pytest.approx(want)
    nothing = replace(clip, truth=replace(clip.truth, joints=joints * torch.nan))
    assert "shape (0, 24, 3)" in report(nothing, s.pred_motion, Points(rest), ["rigid_clip"]).missing["rigid_clip"]


def test_what_stops_an_evaluation(clip, rest):
    clip, s = clip
    with pytest.raises(UnknownName, match="Did you mean 'rigid_clip'"):
        report(clip, s.pred_motion, Points(rest), ["rigid_clp"])
    with pytest.raises(DiffOptError, match="no ground truth"):
        report(replace(clip, truth=None), s.pred_motion, Points(rest))
    short = replace(s.pred_motion, pose=s.pred_motion.pose[:9], trans=s.pred_motion.trans[:9])
    with pytest.raises(DiffOptError, match="9 frames, its truth has 300"):
        report(clip, short, Points(rest))


def test_both_means_over_clips(make):
    metrics = metrics_named(["rigid_clip", "jitter"])
    reports = [score(make(frames, seed), metrics) for frames, seed in ((200, 0), (50, 3), (3, 5))]
    got = aggregate(reports)
    a, b, c = (r.frames["rigid_clip"] for r in reports)
    assert got["rigid_clip"].frame_mean == pytest.approx(torch.cat([a, b, c]).mean().item())
    assert got["rigid_clip"].clip_mean == pytest.approx((a.mean() + b.mean() + c.mean()).item() / 3)
    assert (got["rigid_clip"].clips, got["rigid_clip"].missing) == (3, 0)
    assert (got["jitter"].clips, got["jitter"].missing) == (2, 1)
    assert math.isnan(aggregate([reports[2]])["jitter"].frame_mean)


@pytest.fixture
def files(tmp_path, make):
    s = make(20)
    rotvec = [matrix_to_axis_angle(m.pose).numpy() for m in (s.pred_motion, s.true_motion)]
    pred = dict(joints=s.pred.numpy(), fps=30.0, transl=s.pred_motion.trans.numpy(), global_orient=rotvec[0][:, 0],
                body_pose=rotvec[0][:, 1:], cam_R=s.pred_camera.R.numpy(), cam_t=s.pred_camera.t.numpy())  # fmt: skip
    truth = dict(joints=s.true.numpy(), transl=s.true_motion.trans.numpy(), global_orient=rotvec[1][:, 0],
                 body_pose=rotvec[1][:, 1:], cam_R=s.true_camera.R.numpy(), cam_t=s.true_camera.t.numpy())  # fmt: skip
    np.savez(tmp_path / "motion.npz", **pred)
    np.savez(tmp_path / "truth.npz", **truth)
    return tmp_path, s, pred, truth


def test_files_are_scored_like_tensors(files):
    folder, s, _, _ = files
    names = ["rigid_clip", "camera_pelvis", "emdb_mpjae", "jitter"]
    want = score(s, metrics_named(names)).values
    assert score_files(folder, folder / "truth.npz", names).values == pytest.approx(want)
    assert score_files(folder / "motion.npz", folder / "truth.npz", names).values == pytest.approx(want)


@pytest.mark.parametrize(
    ("which", "key", "value", "message"),
    [
        ("motion", "joints", None, "is missing"),
        ("truth", "joints", np.zeros((20, 22, 3)), "expected numbers (T, 24, 3)"),
        ("truth", "joints", np.zeros((19, 24, 3)), "19 frames"),
        ("motion", "joints", np.full((20, 24, 3), "a"), "expected numbers"),
        ("motion", "fps", None, "is missing"),
        ("motion", "fps", -1.0, "is -1.0"),
        ("truth", "fps", 25.0, "is 25.0"),
        ("motion", "cam_R", np.zeros((20, 9)), "expected numbers (20, 3, 3)"),
        ("truth", "body_pose", np.zeros((20, 69)), "expected numbers (20, 23, 3)"),
    ],
)
def test_bad_files_are_named(files, which, key, value, message):
    folder, _, pred, truth = files
    content = {**(pred if which == "motion" else truth), key: value}
    np.savez(folder / f"{which}.npz", **{k: v for k, v in content.items() if v is not None})
    with pytest.raises(BadInput) as error:
        score_files(folder, folder / "truth.npz", ["rigid_clip"])
    assert f"{which}.npz" in str(error.value)
    assert key in str(error.value) and message in str(error.value)


def test_files_that_are_no_archives(files):
    folder, *_ = files
    with pytest.raises(BadInput, match="does not exist"):
        score_files(folder, folder / "no.npz")
    (folder / "truth.npz").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(BadInput, match=r"truth\.npz: file: is not"):
        score_files(folder, folder / "truth.npz")


@pytest.mark.parametrize("folder", [None, *beside("wild")])
def test_figures_of_the_initial_placement(tmp_path, folder):
    """The camera-frame body lifted by the given camera, no scale."""
    quoted = PLACED["wild" if folder else "drawn"]
    if folder is None:
        folder, walker = tmp_path / "drawn", demo_clip()
        (folder / "truth").mkdir(parents=True)
        for seed in range(4):
            write_case(folder / f"case_{seed:02d}.npz", *simulate(walker, seed=seed))
    reports = []
    for path in sorted(folder.glob("case_*.npz")):
        with np.load(path) as file:
            case = {k: torch.from_numpy(file[k]) for k in file.files if file[k].dtype.kind == "f"}
        pose = axis_angle_to_matrix(torch.cat([case["init_global_orient"][:, None], case["init_body_pose"]], dim=1))
        seen = forward_kinematics(pose, case["rest_joints"], PARENTS)[1] + case["init_transl"][:, None]
        joints = camera_to_world(seen, case["cam_R"], case["cam_t"])
        assert joints.shape[1] == len(JOINTS)
        np.savez(tmp_path / "motion.npz", joints=joints.numpy(), fps=case["fps"].numpy())
        reports.append(score_files(tmp_path, folder / "truth" / path.name, list(quoted)))
    got = aggregate(reports)
    assert len(reports) == len(list(folder.glob("truth/*.npz"))) >= 4
    assert {name: round(got[name].clip_mean) for name in quoted} == quoted
