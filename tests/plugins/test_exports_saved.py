"""Results from disk: what was written is exported as if it came from the run; what cannot be is told in one line."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffopt_core.common.npz import write_npz
from diffopt_core.errors import BadInput, DiffOptError, MissingResource
from diffopt_core.parts.bodies import smpl
from diffopt_core.parts.bodies.linear import BodyArrays, LinearBody
from diffopt_core.results.saved import read_result
from diffopt_core.types import HumanMotion
from exports_cases import FRAMES, apart, bare, exporter, shaped, walk
from gltf_reader import Gltf


@pytest.fixture
def folder(tmp_path):
    """A result folder, as a run leaves it."""
    exporter("npz").export(walk(), tmp_path / "result")
    (tmp_path / "result" / "run.json").write_text(json.dumps({"diffopt_run": 1, "clip": "walk", "status": "finished"}))
    return tmp_path / "result"


def changed(folder, **arrays):
    """The motion with some arrays replaced, or left out where the value is None."""
    path = folder / "motion.npz"
    table = dict(np.load(path)) | arrays
    write_npz(path, {key: value for key, value in table.items() if value is not None})
    return folder


@pytest.mark.parametrize("make", [walk, bare])
def test_a_saved_result_is_the_result(tmp_path, make):
    result = make()
    exporter("npz").export(result, tmp_path / "walk")
    again = read_result(tmp_path / "walk")
    assert again.clip.name == "walk" and again.clip.fps == 30 and again.body_model == result.body_model
    for name in ("glb", "bvh", "amass"):
        a, _ = exporter(name).export(result, tmp_path / "a")
        b, _ = exporter(name).export(again, tmp_path / "b")
        assert abs(a.stat().st_size - b.stat().st_size) < 2000
    first, second = (Gltf(tmp_path / each / "motion.glb").world(1.0) for each in "ab")
    assert apart(first[:, :3, 3], second[:, :3, 3]) < 1e-5, "the camera's node, too"
    assert (read_result(tmp_path / "walk" / "motion.npz").clip.rest_joints is None) == (make is walk)


def test_a_motion_file_has_no_camera(tmp_path, folder):
    exporter("amass").export(walk(), tmp_path)
    result = read_result(tmp_path / "amass.npz")
    assert result.clip.size == (0, 0) and result.body_model == "anny24" and result.clip.num_frames == FRAMES
    exporter("glb").export(result, tmp_path)
    gltf = Gltf(tmp_path / "motion.glb")
    assert "cameras" not in gltf.json and apart(gltf.world(1.0)[:24, :3, 3], walk().joints[30]) < 3e-3


@pytest.mark.parametrize(
    ("arrays", "key"),
    [
        ({"body_model": None}, "body_model"),
        ({"betas_of": None}, "betas_of"),
        ({"cam_focal": None}, "cam_focal"),
        ({"body_pose": np.zeros((FRAMES, 21, 3), np.float32)}, "body_pose"),
        ({"transl": np.zeros((3, 3), np.float32)}, "transl"),
        ({"fps": np.array(0.0)}, "fps"),
        ({"fps": np.array("30")}, "fps"),
        ({"joints": np.zeros((0, 24, 3), np.float32)}, "joints|global_orient"),
    ],
)
def test_a_result_of_another_version_names_the_key(folder, arrays, key):
    with pytest.raises(BadInput, match=rf"motion\.npz: ({key}): "):
        read_result(changed(folder, **arrays))
    with pytest.raises(BadInput, match=rf"motion\.npz: ({key}): "):
        read_result(changed(folder, **arrays) / "motion.npz")


def test_a_run_file_of_another_version_is_refused(folder):
    (folder / "run.json").write_text('{"diffopt_run": 7}')
    with pytest.raises(BadInput, match=r"run\.json: diffopt_run: is version 7"):
        read_result(folder)
    (folder / "run.json").write_text("{half")
    with pytest.raises(BadInput, match=r"run\.json: JSON: cannot be read"):
        read_result(folder)


def test_what_is_no_result_is_told(tmp_path):
    with pytest.raises(BadInput, match="does not exist"):
        read_result(tmp_path / "nothing")
    with pytest.raises(BadInput, match=r"motion\.npz: does not exist"):
        read_result(tmp_path)
    (tmp_path / "x.npz").write_bytes(b"no archive")
    with pytest.raises(BadInput, match=r"x\.npz"):
        read_result(tmp_path / "x.npz")


@pytest.mark.parametrize("below", ["person{}", "cells/paper/seed{}/walk"])
def test_results_in_a_folder_of_several_are_named(tmp_path, folder, below):
    for number in range(1, 6):
        shutil.copytree(folder, tmp_path / "many" / below.format(number))
    first = re.escape(str(tmp_path / "many" / below.format(1)))
    with pytest.raises(BadInput, match=f"holds 5 results: name one, {first}, .* and 1 more"):
        read_result(tmp_path / "many")
    with pytest.raises(BadInput, match=r"run\.json: RESULT: is one file of a result: name its folder"):
        read_result(folder / "run.json")


def test_joints_that_fit_no_skeleton_are_refused(folder, tmp_path):
    joints = np.load(folder / "motion.npz")["joints"]
    noise = np.random.default_rng(0).normal(0, 0.02, joints.shape).astype(np.float32)
    result = read_result(changed(folder, joints=joints + noise))
    with pytest.raises(DiffOptError, match=r"motion\.npz: joints: .*mm apart"):
        exporter("bvh").export(result, tmp_path / "out")
    broken = joints.copy()
    broken[3] = np.nan
    with pytest.raises(DiffOptError, match=r"joints: are not finite"):
        exporter("csv").export(read_result(changed(folder, joints=broken)), tmp_path / "out")
    with pytest.raises(BadInput, match=r"rest_joints: are not finite"):
        read_result(changed(folder, rest_joints=np.full((24, 3), np.nan, np.float32)))
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def smpl_file(tmp_path_factory):
    """The embedded body's arrays in SMPL's clothes, blown up to SMPL's number of vertices."""
    from importlib import resources

    with resources.as_file(resources.files("diffopt_core.parts.bodies") / "anny24.npz") as path:
        own = dict(np.load(path))
    extra = smpl.NUM_VERTICES - len(own["v_template"])
    padded = {key: np.concatenate([own[key], np.repeat(own[key][:1], extra, 0)]) for key in ("v_template", "shapedirs")}
    file = tmp_path_factory.mktemp("smpl") / "SMPL_NEUTRAL.npz"
    np.savez(
        file, **padded, weights=np.concatenate([own["weights"], np.repeat(own["weights"][:1], extra, 0)]), f=own["f"],
        J_regressor=np.pad(own["J_regressor"], ((0, 0), (0, extra))), posedirs=np.zeros((smpl.NUM_VERTICES, 3, 207)),
        kintree_table=own["kintree_table"],
    )  # fmt: skip
    return file


def test_an_smpl_result_needs_its_model_for_the_mesh_alone(smpl_file, tmp_path, monkeypatch):
    monkeypatch.setenv("DIFFOPT_WEIGHTS", str(tmp_path / "none"))
    monkeypatch.delenv(smpl.ENVIRONMENT, raising=False)
    arrays = BodyArrays.of(smpl.read_model(smpl_file), torch.device("cpu"))
    body = LinearBody("smpl", arrays, {"none": torch.zeros(smpl.NUM_VERTICES)})
    motion = shaped(walk(), "smpl", 1.0).motion
    batch = HumanMotion(motion.pose[None], motion.trans[None], motion.betas[None], "smpl")
    result = replace(walk(), motion=motion, joints=body.joints(batch)[0], body_model="smpl")

    with pytest.raises(MissingResource, match=r"smpl\.is\.tue\.mpg\.de.*mesh=bones"):
        exporter("glb").export(result, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    path, _ = exporter("glb", mesh="bones").export(result, tmp_path / "bones")
    assert apart(Gltf(path).world(1.0)[:24, :3, 3], result.joints[30]) < 1e-4
    exporter("bvh").export(result, tmp_path / "bones")

    monkeypatch.setenv(smpl.ENVIRONMENT, str(smpl_file))
    path, _ = exporter("glb").export(result, tmp_path / "mesh")
    gltf = Gltf(path)
    assert apart(gltf.skinned(gltf.world(1.0)), body.vertices(batch)[0, 30]) < 4e-3
    path, _ = exporter("amass").export(result, tmp_path / "mesh")
    saved = np.load(path)
    assert saved["betas"][:10].all()
    assert apart(saved["rest_pelvis"], body.rest_pelvis(motion.betas[None])[0]) < 1e-5, "SMPL's own, for these betas"
