"""Skinning, joints and keypoints against smplx and against slow, obvious code."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
import torch
from diffopt_core.data.skeleton import JOINTS, LAYOUTS, PARENTS
from diffopt_core.parts.bodies.linear import BodyArrays, LinearBody, smpl_transl

smplx = pytest.importorskip("smplx")


@pytest.fixture(scope="module", params=["plain", "pose correctives"])
def arrays_and_body(request, arrays):
    arrays = dict(arrays)
    if request.param == "pose correctives":
        made = np.random.default_rng(3).normal(0, 2e-3, (len(arrays["v_template"]), 3, 207))
        arrays["posedirs"] = made.astype(np.float32)
    points = dict(zip(arrays["points_names"].tolist(), torch.as_tensor(arrays["points_regressor"]), strict=True))
    body = LinearBody("anny24", BodyArrays.of(arrays, torch.device("cpu")), points)
    return arrays, body


def _oracle(arrays, body, motion):
    from smplx.vertex_ids import vertex_ids

    zeros = np.zeros((len(arrays["v_template"]), 3, 207), np.float32)
    struct = smplx.utils.Struct(**({"posedirs": zeros} | arrays))
    with contextlib.redirect_stdout(io.StringIO()):
        layer = smplx.SMPLLayer(model_path="", data_struct=struct, vertex_ids=dict.fromkeys(vertex_ids["smplh"], 0))
    B, T = motion.trans.shape[:2]
    pose = motion.pose.flatten(0, 1)
    out = layer(
        betas=motion.betas.repeat_interleave(T, 0),
        global_orient=pose[:, :1],
        body_pose=pose[:, 1:],
        transl=smpl_transl(body, motion).flatten(0, 1),
    )
    return out.vertices.unflatten(0, (B, T)), out.joints[:, :24].unflatten(0, (B, T))


def test_agrees_with_smplx(arrays_and_body, random_motion):
    arrays, body = arrays_and_body
    motion = random_motion()
    vertices, joints = _oracle(arrays, body, motion)
    torch.testing.assert_close(body.vertices(motion), vertices, atol=1e-5, rtol=0)
    torch.testing.assert_close(body.joints(motion), joints, atol=1e-5, rtol=0)


def test_keypoints_are_regressed_skinned_vertices(arrays_and_body, random_motion):
    arrays, body = arrays_and_body
    motion = random_motion()
    slow = torch.as_tensor(arrays["points_regressor"]) @ body.vertices(motion)
    rows = {str(name): i for i, name in enumerate(arrays["points_names"])}
    for layout in ("coco17", "openpose25", "blazepose33"):
        fast = body.keypoints(motion, layout)
        for i, name in enumerate(LAYOUTS[layout]):
            if name in rows:
                torch.testing.assert_close(fast[:, :, i], slow[:, :, rows[name]], atol=1e-5, rtol=0)


def test_joints_against_a_naive_walk_of_the_tree(anny, random_motion):
    motion = random_motion(B=1, T=2, dtype=torch.float64)
    rest = anny.rest_joints(motion.betas)[0]
    for frame in range(2):
        turn, place = [motion.pose[0, frame, 0]], [motion.trans[0, frame]]
        for j in range(1, len(JOINTS)):
            p = PARENTS[j]
            place.append(place[p] + turn[p] @ (rest[j] - rest[p]))
            turn.append(turn[p] @ motion.pose[0, frame, j])
        torch.testing.assert_close(anny.joints(motion)[0, frame], torch.stack(place))


def test_long_clips_are_skinned_in_parts(anny, random_motion, monkeypatch):
    motion = random_motion(B=1, T=5)
    whole = anny.vertices(motion)
    monkeypatch.setattr("diffopt_core.parts.bodies.linear.FRAMES_AT_ONCE", 2)
    torch.testing.assert_close(anny.vertices(motion), whole)
