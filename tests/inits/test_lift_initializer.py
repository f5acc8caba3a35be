"""Initializer ``lift`` with the shipped weights: good evidence, bad evidence, gaps, any length and rate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.rotation import geodesic
from diffopt_core.data.skeleton import COCO17, JOINT, PARENTS, mirror_order
from diffopt_core.data.window import Evidence
from diffopt_core.data.window import cut as cut_clip
from diffopt_core.errors import BadInput
from diffopt_core.host.registry import Registry
from diffopt_core.host.testing import InitializerContract
from diffopt_core.parts.datasets.case_file import clip_of, with_truth
from diffopt_core.parts.datasets.configs import SimulatorSettings
from diffopt_core.parts.datasets.simulator.simulate import simulate
from diffopt_core.parts.demo_motion import demo_clip
from diffopt_core.perception.plausible import judge
from diffopt_core.types import CameraFrameBody, Clip
from diffopt_inits.lift.initializer import Lifted, LiftInitializer
from diffopt_inits.lift.windows import bridge, cut
from torch import Tensor

LEGS = {side: [JOINT[f"{side}_{part}"] for part in ("hip", "knee", "ankle")] for side in ("left", "right")}


class TestLift(InitializerContract):
    name = "lift"


@pytest.fixture(scope="module")
def clip() -> Clip:
    """Somebody who walks round a bend, filmed, detected and regressed by the simulator; the truth with it."""
    case, truth = simulate(demo_clip(), seed=3)
    return with_truth(clip_of(case, "walker"), truth, Path(__file__))


def build(**options: object) -> LiftInitializer:
    return Registry.load().context().build("initializer", "lift", options)


@pytest.fixture(scope="module")
def plain() -> LiftInitializer:
    return build()


def lift(initializer: LiftInitializer, clip: Clip, body: CameraFrameBody | None = None) -> Lifted:
    assert clip.observations is not None and clip.camera is not None
    lifted = initializer.both(clip, clip.observations, clip.camera, body)[1]
    for name, value in vars(lifted).items():
        assert value.isfinite().all(), name
    for name in ("rotations_var", "up_var", "velocity_var", "depth_var", "ray_var"):
        assert (getattr(lifted, name) > 0).all() and (getattr(lifted, name) < 100).all(), name
    assert (lifted.transl[:, 2] > 0).all() and (lifted.transl.norm(dim=-1) < 100).all()
    return lifted


def seen(clip: Clip, keypoints: Tensor) -> Clip:
    assert clip.observations is not None
    return replace(clip, observations=replace(clip.observations, keypoints=keypoints))


def error(clip: Clip, rotations: Tensor) -> float:
    """MPJPE about the pelvis in the camera's frame, m."""
    assert clip.truth is not None and clip.truth.camera is not None and clip.rest_joints is not None
    about = (clip.truth.joints - clip.truth.joints[:, :1]) @ clip.truth.camera.R.mT
    rest = clip.rest_joints[:22].expand(len(rotations), -1, -1)
    return float((forward_kinematics(rotations, rest, PARENTS[:22])[1] - about[:, :22]).norm(dim=-1).mean())


def test_it_beats_the_regressor_and_fused_it_beats_itself(clip: Clip, plain: LiftInitializer) -> None:
    assert clip.body is not None
    given = torch.cat([clip.body.global_orient.unsqueeze(1), clip.body.body_pose], 1)[:, :22]
    alone, fused = lift(plain, clip), lift(plain, clip, clip.body)
    assert error(clip, alone.rotations) < 0.8 * error(clip, given)
    assert error(clip, fused.rotations) < error(clip, alone.rotations)
    assert fused.rotations_var[:, 1:].mean() < alone.rotations_var[:, 1:].mean()


def test_fused_joints_are_three_quarters_and_the_root_wholly_the_networks(clip: Clip, plain: LiftInitializer) -> None:
    assert clip.observations is not None and clip.camera is not None and clip.body is not None
    lifted = lift(plain, clip, clip.body)
    made = build(fuse="auto").initialize(clip, clip.observations, clip.camera)
    torch.testing.assert_close(made.global_orient, lifted.rotations[:, 0])
    ours, theirs = (geodesic(made.body_pose[:, :21], x) for x in (lifted.rotations[:, 1:], clip.body.body_pose[:, :21]))
    torch.testing.assert_close(3 * ours, theirs, atol=6e-3, rtol=1e-3)
    assert made.facts["fused"] == ["keypoints", "given"] and made.evidence is not None


def test_what_auto_finds_is_fused_only_where_it_is_a_regressors(clip: Clip, plain: LiftInitializer) -> None:
    assert clip.observations is not None and clip.camera is not None and clip.body is not None
    alone = plain.initialize(clip, clip.observations, clip.camera)
    for body in (None, replace(clip.body, poses_from="unknown"), alone):
        made = build(fuse="auto").initialize(replace(clip, body=body), clip.observations, clip.camera)
        torch.testing.assert_close(made.body_pose, alone.body_pose)


def test_poses_from_landmarks_stay_and_get_the_evidence_of_the_keypoints(clip: Clip, plain: LiftInitializer) -> None:
    assert clip.observations is not None and clip.camera is not None and clip.body is not None
    fitted = replace(clip, body=replace(clip.body, poses_from="landmarks"))
    made = build(fuse="auto").initialize(fitted, clip.observations, clip.camera)
    assert torch.equal(made.body_pose, clip.body.body_pose) and torch.equal(made.transl, clip.body.transl)
    assert made.evidence is not None and made.poses_from == "landmarks"
    torch.testing.assert_close(made.evidence.up, lift(plain, clip).up)


def test_poses_from_landmarks_are_fitted_on_with_the_networks(plain: LiftInitializer) -> None:
    case, truth = simulate(demo_clip(), SimulatorSettings(detector="full"), seed=3)
    clip = with_truth(clip_of(case, "walker"), truth, Path(__file__))
    assert clip.observations is not None and clip.camera is not None
    landmarks = clip.observations.landmarks.clone()
    landmarks[20:50, :, :3] = landmarks[20:50, :, [1, 2, 0]]  # a second of nonsense
    for observations in (clip.observations, replace(clip.observations, landmarks=landmarks)):
        alone = Registry.load().context().build("initializer", "landmarks").initialize(clip, observations, clip.camera)
        both = build(fuse="landmarks").initialize(clip, observations, clip.camera)
        before, after = (
            error(clip, torch.cat([body.global_orient.unsqueeze(1), body.body_pose], 1)[:, :22])
            for body in (alone, both)
        )
        assert after < 0.95 * before and both.poses_from == "landmarks" and both.evidence is not None


def test_the_vertical_and_the_speed_are_found(clip: Clip, plain: LiftInitializer) -> None:
    lifted = lift(plain, clip)
    assert clip.truth is not None and clip.truth.camera is not None and clip.truth.motion is not None
    off = (lifted.up * clip.truth.camera.R[..., 1]).sum(-1).clamp(-1, 1).acos().rad2deg()
    assert off.mean() < 6.0
    walked = clip.truth.motion.trans.diff(dim=0)[:, [0, 2]].norm(dim=-1).mean() * clip.fps
    told = lifted.velocity[:, [0, 2]].norm(dim=-1).mean()
    assert 0.7 < float(told / walked) < 1.2
    body, _ = plain.both(clip, clip.observations, clip.camera)
    assert body.evidence is not None and torch.equal(body.evidence.velocity, lifted.velocity)


def test_a_leg_that_is_never_seen_is_less_sure(clip: Clip, plain: LiftInitializer) -> None:
    assert clip.observations is not None
    keypoints = clip.observations.keypoints.clone()
    keypoints[:, [COCO17.index("left_knee"), COCO17.index("left_ankle")]] = 0.0
    lifted = lift(plain, seen(clip, keypoints))
    hidden, shown = (lifted.rotations_var[:, LEGS[side][:2]].mean() for side in ("left", "right"))
    assert hidden > 1.15 * shown


def test_upside_down_swapped_and_equal_confidences(clip: Clip, plain: LiftInitializer) -> None:
    assert clip.observations is not None
    normal, keypoints = lift(plain, clip), clip.observations.keypoints
    turned = keypoints.clone()
    turned[..., :2] = torch.tensor(clip.size) - turned[..., :2]
    assert lift(plain, seen(clip, turned)).rotations_var.mean() > 1.2 * normal.rotations_var.mean()
    swapped = keypoints.clone()
    swapped[30:60] = swapped[30:60][:, list(mirror_order(COCO17))]
    mixed = lift(plain, seen(clip, swapped)).rotations_var
    assert mixed[35:55].mean() > 1.1 * normal.rotations_var[35:55].mean()
    equal = keypoints.clone()
    equal[..., 2] = 0.5 * (equal[..., 2] > 0)
    assert error(clip, lift(plain, seen(clip, equal)).rotations) < 2 * error(clip, normal.rotations)


def test_few_frames_a_second_a_child_and_a_single_frame(clip: Clip, plain: LiftInitializer) -> None:
    slow = cut_clip(clip, 0, None, None, resample=5.0)
    assert slow.num_frames == 17
    assert error(slow, lift(plain, slow).rotations) < 0.15
    assert clip.rest_joints is not None and clip.truth is not None
    small = lift(plain, replace(clip, rest_joints=0.6 * clip.rest_joints))
    torch.testing.assert_close(small.transl, 0.6 * lift(plain, clip).transl, rtol=1e-4, atol=1e-4)
    assert clip.observations is not None and clip.camera is not None
    one = replace(
        clip,
        num_frames=1,
        observations=replace(clip.observations, keypoints=clip.observations.keypoints[:1], valid=torch.tensor([True])),
        camera=replace(clip.camera, R=clip.camera.R[:1], t=clip.camera.t[:1], focal=clip.camera.focal[:1],
                       centre=clip.camera.centre[:1]),
    )  # fmt: skip
    assert len(lift(plain, one).up) == 1


def test_many_frames_a_second_are_read_in_turns(clip: Clip, plain: LiftInitializer) -> None:
    """Every frame three times over, at three times the rate, is the same motion."""
    assert clip.observations is not None and clip.camera is not None
    times = torch.arange(clip.num_frames).repeat_interleave(3)
    fast = replace(
        clip, fps=3 * clip.fps, num_frames=len(times), observations=replace(
            clip.observations, keypoints=clip.observations.keypoints[times], valid=clip.observations.valid[times]),
        camera=replace(clip.camera, R=clip.camera.R[times], t=clip.camera.t[times], focal=clip.camera.focal[times],
                       centre=clip.camera.centre[times]),
    )  # fmt: skip
    apart = geodesic(lift(plain, fast).rotations[::3], lift(plain, clip).rotations)
    assert apart.mean() < 0.1


def test_gaps_are_bridged_the_less_surely_the_longer_they_last(clip: Clip, plain: LiftInitializer) -> None:
    assert clip.observations is not None
    valid = clip.observations.valid.clone()
    valid[30:70] = False
    valid[90:] = False
    lifted = lift(plain, replace(clip, observations=replace(clip.observations, valid=valid)))
    assert torch.equal(lifted.present, valid)
    doubt = lifted.up_var
    assert (doubt[30:49].diff() > 0).all() and (doubt[91:].diff() > 0).all() and doubt[50] > 2 * doubt[29]
    facts = plain.both(
        clip, replace(clip.observations, valid=valid), clip.camera  # type: ignore[arg-type]
    )[0].facts  # fmt: skip
    assert facts["filled"] == [*range(30, 70), *range(90, 100)]


def test_nobody_to_lift_is_said(clip: Clip, plain: LiftInitializer) -> None:
    assert clip.observations is not None
    with pytest.raises(BadInput, match="three keypoints"):
        lift(plain, seen(clip, torch.zeros_like(clip.observations.keypoints)))


@pytest.mark.parametrize(("frames", "length"), [(1, 64), (10, 64), (64, 64), (65, 64), (200, 64), (33, 32)])
def test_windows_reach_both_ends_and_leave_nothing_out(frames: int, length: int) -> None:
    index = cut(frames, length)
    assert set(index.flatten().tolist()) == set(range(frames))
    assert index.shape[1] == min(frames, length)


def test_a_bridge_is_its_own_end_where_the_person_is() -> None:
    over = bridge(torch.tensor([0, 1, 0, 0, 0, 1, 0], dtype=torch.bool), 10.0)
    values = torch.tensor([9.0, 1.0, 9.0, 9.0, 9.0, 5.0, 9.0])
    torch.testing.assert_close(over.mean(values), torch.tensor([1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 5.0]))
    torch.testing.assert_close(over.doubt, torch.tensor([0.1, 0.0, 0.075, 0.1, 0.075, 0.0, 0.1]))


def test_sides_that_are_exchanged_throughout_are_doubted(clip: Clip, plain: LiftInitializer) -> None:
    """Of keypoints alone: the network is surer of a body that is put together right."""
    assert clip.observations is not None and clip.camera is not None
    doubts = []
    for order in (list(range(17)), list(mirror_order(COCO17))):
        here = seen(replace(clip, body=None), clip.observations.keypoints[:, order])
        assert here.observations is not None
        body = plain.initialize(here, here.observations, clip.camera)
        doubts.append(judge(Evidence(here, here.observations, clip.camera, body), clip.rest_joints).clip.doubts)
    assert not doubts[0] and "seem exchanged throughout" in doubts[1][0]
