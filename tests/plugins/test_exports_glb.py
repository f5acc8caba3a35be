"""GLB: read by an evaluator of its own, it has our joints, our skin and our camera."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from diffopt_core.data.geometry import project, world_to_camera
from diffopt_core.data.skeleton import JOINTS
from diffopt_core.parts.bodies.anny24 import load
from diffopt_core.types import HumanMotion
from exports_cases import FRAMES, apart, bare, exporter, shaped, walk
from gltf_reader import Gltf

SOME = (0, 13, 29, 44, FRAMES - 1)


@pytest.fixture(scope="module")
def gltf(tmp_path_factory) -> Gltf:
    path, _ = exporter("glb").export(walk(), tmp_path_factory.mktemp("glb"))
    return Gltf(path)


def test_joints_and_skin_are_ours(gltf):
    result, body = walk(), load()
    motion = HumanMotion(result.motion.pose[None], result.motion.trans[None], torch.zeros(1, 10), "anny24")
    vertices = body.vertices(motion)[0].numpy()
    for frame in SOME:
        world = gltf.world(frame / 30)
        assert apart(world[:24, :3, 3], result.joints[frame]) < 1e-4
        assert apart(gltf.skinned(world), vertices[frame]) < 3e-3, "four influences per vertex"


def test_document_is_what_readers_want(gltf):
    doc = gltf.json
    assert [node["name"] for node in doc["nodes"][:24]] == list(JOINTS)
    mesh = next(i for i, node in enumerate(doc["nodes"]) if "skin" in node)
    assert mesh in doc["scenes"][0]["nodes"], "a skinned mesh stands at the root"
    attributes = doc["meshes"][0]["primitives"][0]["attributes"]
    assert np.allclose(gltf.accessor(attributes["WEIGHTS_0"]).sum(1), 1, atol=1e-6)
    assert np.allclose(np.linalg.norm(gltf.accessor(attributes["NORMAL"]), axis=1), 1, atol=1e-5)
    assert [animation["name"] for animation in doc["animations"]] == ["motion", "camera"]
    for animation in doc["animations"]:
        for channel in animation["channels"]:
            sampler = animation["samplers"][channel["sampler"]]
            times, values = gltf.accessor(sampler["input"]), gltf.accessor(sampler["output"])
            assert len(times) == len(values) == FRAMES and np.allclose(times, np.arange(FRAMES) / 30, atol=1e-6)
            if channel["target"]["path"] == "rotation":
                assert np.allclose(np.linalg.norm(values, axis=1), 1, atol=1e-5)
                assert (np.sum(values[1:] * values[:-1], -1) > 0).all(), "quaternions turn the short way"


@pytest.mark.parametrize("animation", [0, 1])
def test_camera_sees_the_joints_where_ours_does(gltf, animation):
    result, (width, height) = walk(), walk().clip.size
    node = next(i for i, each in enumerate(gltf.json["nodes"]) if "camera" in each)
    lens = gltf.json["cameras"][0]["perspective"]
    f = 1 / np.tan(lens["yfov"] / 2)
    camera = result.camera
    for frame in SOME:
        view = np.linalg.inv(gltf.world(frame / 30, animation)[node])
        seen = result.joints[frame].double().numpy() @ view[:3, :3].T + view[:3, 3]
        assert (seen[:, 2] < 0).all(), "glTF cameras look along -z"
        x = f / lens["aspectRatio"] * seen[:, 0] / -seen[:, 2]
        y = f * seen[:, 1] / -seen[:, 2]
        found = np.c_[(x + 1) / 2 * width, (1 - y) / 2 * height]
        inside = world_to_camera(result.joints[frame], camera.R[frame], camera.t[frame])
        middle = torch.tensor([width / 2, height / 2])
        expected = project(inside, camera.focal.median(0).values, middle)
        assert apart(found, expected) < 0.05, "px"


def test_a_skeleton_is_drawn_as_bones(tmp_path):
    path, beside = exporter("glb").export(bare(), tmp_path)
    gltf = Gltf(path)
    assert "bones" in json.loads(beside.read_text())["mesh"]
    world = gltf.world(0.5)
    assert apart(world[:24, :3, 3], bare().joints[15]) < 1e-4
    points = gltf.skinned(world)
    nearest = np.linalg.norm(points[:, None] - bare().joints[15].numpy(), axis=-1).min(0)
    assert nearest.max() < 1e-4, "every joint is the end of a bone"
    corners = gltf.accessor(gltf.json["meshes"][0]["primitives"][0]["indices"]).reshape(-1, 3)
    a, b, c = (points[corners[:, k]] for k in range(3))
    volume = np.einsum("fi,fi->f", a, np.cross(b, c)).reshape(23, -1).sum(1) / 6
    assert (volume > 0).all(), "faces look outward"


def test_the_shape_is_the_results(tmp_path):
    body, result = load(), shaped(walk(), "anny24", 1.0)
    motion = HumanMotion(result.motion.pose[None], result.motion.trans[None], torch.ones(1, 10), "anny24")
    from dataclasses import replace

    result = replace(result, joints=body.joints(motion)[0])
    path, _ = exporter("glb", names="mixamo").export(result, tmp_path)
    gltf = Gltf(path)
    assert gltf.json["nodes"][0]["name"] == "mixamorig:Hips"
    assert apart(gltf.skinned(gltf.world(1.0)), body.vertices(motion)[0, 30]) < 4e-3


def test_foreign_betas_left_the_body_at_its_mean(tmp_path):
    path, _ = exporter("glb").export(shaped(walk(), "smpl", 1.0), tmp_path)
    assert apart(Gltf(path).world(0)[:24, :3, 3], walk().joints[0]) < 1e-4


def test_up_and_unit_are_gltfs_own(tmp_path, caplog):
    plain, _ = exporter("glb").export(walk(), tmp_path / "a")
    asked, beside = exporter("glb", up="z", unit="cm").export(walk(), tmp_path / "b")
    assert plain.read_bytes() == asked.read_bytes() and "Y up" in caplog.text
    assert "y up" in json.loads(beside.read_text())["axes"]


def test_without_images_there_is_no_camera(tmp_path):
    from dataclasses import replace

    result = replace(walk(), clip=replace(walk().clip, size=(0, 0)))
    path, _ = exporter("glb").export(result, tmp_path)
    assert "cameras" not in Gltf(path).json and len(Gltf(path).json["animations"]) == 1
