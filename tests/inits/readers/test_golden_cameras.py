"""Boxes' cameras to the whole image: against published conversions."""

from __future__ import annotations

from pathlib import Path

import goldens
import numpy as np
import pytest
from diffopt_core.types import Clip
from diffopt_formats.pelvis import PUBLISHED
from diffopt_formats.phalp import parse as parse_phalp
from diffopt_formats.wham import parse_vibe
from diffopt_inits.readers.body import body_of
from scipy.spatial.transform import Rotation

conversions = goldens.golden("camera_conversions.npz")
HERE = Path("result.pkl")


@pytest.fixture
def golden(conversions):
    """The arrays, and what VIBE writes of the same boxes: its full-image camera is worked out here, since its own
    code's licence lets none of its arrays be kept. ``orig_cam`` scales and shifts in halves of the image's sides."""
    held = {key: value.numpy() for key, value in conversions.items()}
    if "vibe/orig_cam" in held:
        return held
    scale, *shift = held["weak_cam"].T
    halves, side, centre = held["img_wh"][:, None] / 2, held["box_size"], held["box_center"].T
    scales = scale * side / (2 * halves)
    held["vibe/orig_cam"] = np.concatenate([scales, np.stack(shift) + (centre - halves) / halves / scales]).T
    held["vibe/bboxes"] = np.stack([*centre, side, side], -1)
    return held


def clip_of(golden, focal):
    width, height = (int(n) for n in golden["img_wh"])
    frames = len(golden["weak_cam"])
    return Clip("golden", None, 30.0, (width, height), frames, focal=float(focal), focal_from="the golden file")


def test_phalp_agrees_with_slahmr(golden):
    """Translation, root and body of SLAHMR's export, at SLAHMR's focal length."""
    width, height = (int(n) for n in golden["img_wh"])
    held = {
        f"images/{i:06d}.jpg": {
            "time": i, "tid": [4, 7], "tracked_ids": [4], "camera_bbox": [golden["weak_cam"][i]] * 2,
            "center": [golden["box_center"][i]] * 2, "bbox": [golden["phalp/bbox_xywh"][i]] * 2,
            "size": [[height, width]] * 2,
            "smpl": [{"global_orient": golden["phalp/global_orient"][i][None],
                      "body_pose": golden["phalp/body_pose"][i], "betas": np.zeros(10)}] * 2,
        } for i in range(len(golden["weak_cam"]))
    }  # fmt: skip
    tracks = parse_phalp(HERE, held).people
    assert [track.id for track in tracks] == ["4"]
    body = body_of(tracks, clip_of(golden, 0.5 * (width + height)))
    transl = body.transl.numpy() - PUBLISHED["smpl"]
    np.testing.assert_allclose(transl, golden["slahmr/cam_trans"], rtol=1e-5, atol=1e-4)
    for got, key in ((body.global_orient, "slahmr/global_orient_aa"), (body.body_pose, "slahmr/body_pose_aa")):
        want = Rotation.from_rotvec(golden[key].reshape(-1, 3))
        have = Rotation.from_matrix(got.double().numpy().reshape(-1, 3, 3))
        assert (want.inv() * have).magnitude().max() < 1e-3


def test_phalp_agrees_with_4d_humans(golden):
    """cam_t_full, at the focal length that 4D-Humans takes."""
    width, height = (int(n) for n in golden["img_wh"])
    square = np.stack([golden["box_size"]] * 2, -1)
    held = {
        str(i): {
            "time": i, "tid": [1], "tracked_ids": [1], "camera_bbox": [golden["weak_cam"][i]],
            "center": [golden["box_center"][i]], "size": [[height, width]],
            "bbox": [np.concatenate([golden["box_center"][i] - square[i] / 2, square[i]])],
            "smpl": [{"global_orient": np.eye(3)[None], "body_pose": np.tile(np.eye(3), (23, 1, 1)),
                      "betas": np.zeros(10)}],
        } for i in range(len(golden["weak_cam"]))
    }  # fmt: skip
    body = body_of(parse_phalp(HERE, held).people, clip_of(golden, golden["hmr2/focal"]))
    # float32 there
    np.testing.assert_allclose(body.transl.numpy() - PUBLISHED["smpl"], golden["hmr2/cam_t_full"], rtol=1e-5, atol=1e-4)


def test_vibe_agrees_with_its_crop(golden):
    """What orig_cam says is what the crop's camera says, and so what 4D-Humans makes of it."""
    frames = len(golden["weak_cam"])
    person = {
        "pred_cam": golden["weak_cam"], "orig_cam": golden["vibe/orig_cam"], "bboxes": golden["vibe/bboxes"],
        "pose": np.zeros((frames, 72)), "betas": np.zeros((frames, 10)), "frame_ids": np.arange(frames),
    }  # fmt: skip
    (track,) = parse_vibe(HERE, {1: person}).people
    assert track.size == tuple(golden["img_wh"])
    body = body_of((track,), clip_of(golden, golden["hmr2/focal"]))
    np.testing.assert_allclose(body.transl.numpy() - PUBLISHED["smpl"], golden["hmr2/cam_t_full"], rtol=1e-4, atol=1e-4)
