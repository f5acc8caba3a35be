"""The embedded body's file is what its notice says."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest
from diffopt_core.data.skeleton import JOINT, PARENTS

DATA = resources.files("diffopt_core.parts.bodies")


def test_one_closed_surface_of_human_size(arrays):
    v, f = arrays["v_template"].astype(float), arrays["f"].astype(int)
    directed = np.concatenate([f[:, [0, 1]], f[:, [1, 2]], f[:, [2, 0]]])
    edges, faces_at = np.unique(np.sort(directed, 1), axis=0, return_counts=True)
    assert (faces_at == 2).all(), "every edge lies in two triangles"
    assert len(np.unique(directed, axis=0)) == len(directed), "neighbours agree on which side is out"
    assert len(v) - len(edges) + len(f) == 2, "one sphere"
    litres = 1e3 * np.einsum("fd,fd->", v[f[:, 0]], np.cross(v[f[:, 1]], v[f[:, 2]])) / 6
    assert 55 < litres < 70  # positive: normals point outward


def test_weights_and_regressors_are_averages(arrays):
    assert (arrays["weights"].sum(1) == 1).all() and (arrays["weights"] >= 0).all()
    assert ((arrays["weights"] > 0).sum(1) <= 6).all()
    for key in ("J_regressor", "points_regressor"):
        np.testing.assert_allclose(arrays[key].sum(1), 1, atol=1e-6)
        assert (arrays[key] >= 0).all()
    assert tuple(arrays["kintree_table"][0]) == PARENTS
    assert str(arrays["betas_of"]) == "anny24"


@pytest.mark.parametrize(("beta", "low", "high"), [(-2, 1.45, 1.55), (0, 1.69, 1.72), (2, 1.85, 1.98)])
def test_stature(arrays, beta, low, high):
    v = arrays["v_template"] + beta * arrays["shapedirs"][:, :, 0]
    assert low < np.ptp(v[:, 1]) < high


def test_rest_pose_is_smpls(arrays):
    joints = arrays["J_regressor"] @ arrays["v_template"]
    rest = joints - joints[0]
    assert rest[JOINT["left_wrist"], 0] > 0.6 > -0.6 > rest[JOINT["right_wrist"], 0], "left is +X, arms out"
    assert rest[JOINT["head"], 1] > 0.5 and rest[JOINT["left_ankle"], 1] < -0.8, "Y is up"
    assert rest[JOINT["left_foot"], 2] > rest[JOINT["left_ankle"], 2] + 0.1, "faces +Z"
    np.testing.assert_allclose(rest[JOINT["left_wrist"], 1:], rest[JOINT["left_shoulder"], 1:], atol=0.005)


def test_pelvis_is_not_at_the_origin(arrays):
    """SMPL's is not either: code that adds trans to model coordinates must fail somewhere."""
    assert np.linalg.norm(arrays["J_regressor"][0] @ arrays["v_template"]) > 0.2


def test_notice_ships_beside_the_file():
    notice = (DATA / "anny24.NOTICE.md").read_text()
    for owner in ("NAVER", "NVIDIA", "CC0", "Apache"):
        assert owner in notice
    assert len((DATA / "anny24.npz").read_bytes()) < 600_000
