"""Robots' files by their readers' own logic, written anew from the readers' source (repositories named at each)."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.data.skeleton import JOINTS, PARENTS
from diffopt_core.errors import MissingResource
from diffopt_core.host.registry import Registry
from diffopt_core.host.testing import ExporterContract
from diffopt_core.results.saved import figure_of, posed
from exports_cases import FRAMES, exporter, walk
from scipy.spatial.transform import Rotation

NAMES = ("gmr", "lafan1", "phc", "pbhc", "protomotions", "holosoma")
#: A tenth of a millimetre.
NEAR = 1e-4


class TestGmr(ExporterContract):
    name = "gmr"


class TestLafan1(ExporterContract):
    name = "lafan1"


class TestHolosoma(ExporterContract):
    name = "holosoma"


@cache
def written(folder: Path) -> dict[str, list[Path]]:
    return {name: exporter(name).export(walk(), folder) for name in NAMES}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, list[Path]]:
    return written(tmp_path_factory.mktemp("robots"))


@pytest.fixture(scope="module")
def joints(files) -> np.ndarray:
    """The result's own, Z up, set on the floor as the JSON says: (T, 22, 3)."""
    lifted = json.loads(files["gmr"][-1].read_text())["feet"]["lifted_mm"] / 1e3
    x, y, z = walk().joints.double().numpy()[:, :22].transpose(2, 0, 1)
    return np.stack([x, -z, y + lifted], -1)


def kinematics(poses: np.ndarray, pelvis: np.ndarray) -> np.ndarray:
    """A body model's joints: our skeleton in the place of theirs, which has a licence."""
    turns = axis_angle_to_matrix(torch.from_numpy(np.asarray(poses, np.float64)).reshape(len(poses), -1, 3))
    whole = torch.eye(3, dtype=torch.float64).repeat(len(poses), 24, 1, 1)
    whole[:, :22] = turns[:, :22]
    return posed(whole, torch.from_numpy(pelvis), figure_of(walk()).rest.double()).numpy()[:, :22]


def test_gmr(files, joints):
    """YanjieZe/GMR, utils/smpl.py: load_smplx_file and get_smplx_data_offline_fast."""
    data = np.load(files["gmr"][0], allow_pickle=True)
    frames = data["pose_body"].shape[0]
    betas = torch.tensor(data["betas"]).float().view(1, -1)
    assert betas.shape == (1, 16) and str(data["gender"]) == "neutral"
    assert 1.66 + 0.1 * data["betas"][0] == 1.66, "the height by which it scales is that of the mean shape"
    assert int(data["mocap_frame_rate"].item() / 30) == 1
    poses = np.concatenate([data["root_orient"], data["pose_body"]], axis=1)
    assert poses.shape == (frames, 66) and data["poses"].shape == (frames, 165)
    rest = np.array([0.0031, -0.3514, 0.0120])  # NVlabs/ProtoMotions, smplx_humanoid.xml: SMPL-X's pelvis
    assert np.abs(kinematics(poses, data["trans"] + rest) - joints).max() < NEAR


def read_bvh(path: Path) -> tuple[list[str], list[int], np.ndarray, np.ndarray]:
    """ubisoft/ubisoft-laforge-animation-dataset, lafan1/extract.py: read_bvh, as GMR and holosoma have it. Names,
    parents, local rotations (T, J, 3, 3), local places (T, J, 3)."""
    names, parents, offsets, active, end, order, rows = [], [], [], -1, False, None, []
    for line in path.open():
        if "HIERARCHY" in line or "MOTION" in line or "{" in line:
            continue
        if found := re.match(r"ROOT (\w+)", line) or re.match(r"\s*JOINT\s+(\w+)", line):
            names.append(found[1])
            offsets.append(np.zeros(3))
            parents.append(active)
            active = len(parents) - 1
        elif "}" in line:
            active, end = (active, False) if end else (parents[active], False)
        elif found := re.match(r"\s*OFFSET\s+([\-\d\.e]+)\s+([\-\d\.e]+)\s+([\-\d\.e]+)", line):
            if not end:
                offsets[active] = np.array([float(value) for value in found.groups()])
        elif found := re.match(r"\s*CHANNELS\s+(\d+)", line):
            channels = int(found[1])
            at = 0 if channels == 3 else 3
            order = "".join(part[0].lower() for part in line.split()[2 + at : 5 + at])
        elif "End Site" in line:
            end = True
        elif found := re.match(r"\s*Frames:\s+(\d+)", line):
            count = int(found[1])
        elif found := re.match(r"\s*Frame Time:\s+([\d\.]+)", line):
            assert abs(float(found[1]) - 1 / 30) < 1e-6
        else:
            rows.append([float(value) for value in line.strip().split(" ")])
    data = np.array(rows)
    assert data.shape == (count, 3 + 3 * len(names)) and channels == 3
    places = np.tile(np.array(offsets), (count, 1, 1))
    places[:, 0] = data[:, :3]
    angles = data[:, 3:].reshape(-1, 3)
    turns = Rotation.from_euler(order.upper(), angles, degrees=True).as_matrix()
    return names, parents, turns.reshape(count, -1, 3, 3), places


LEGS = ("UpLeg", "Leg", "Foot", "Toe")
ARMS = ("Shoulder", "Arm", "ForeArm", "Hand")
LAFAN1 = ["Hips", *(f"{side}{part}" for side in ("Left", "Right") for part in LEGS), "Spine", "Spine1", "Spine2",
          "Neck", "Head", *(f"{side}{part}" for side in ("Left", "Right") for part in ARMS)]  # fmt: skip
#: SMPL's joint of each of these.
SMPL = (0, 1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12, 15, 13, 16, 18, 20, 14, 17, 19, 21)


#: What GMR's tables bvh_to_g1 and smplx_to_g1 say of one robot by both: x and y of a bone in SMPL's T pose.
AXES = {
    "Hips": ((0, 1, 0), (0, 0, 1)), "Spine2": ((0, 1, 0), (0, 0, 1)), "LeftLeg": ((0, -1, 0), (0, 0, 1)),
    "RightUpLeg": ((0, -1, 0), (0, 0, 1)), "LeftToe": ((0, 0, 1), (0, 1, 0)), "RightToe": ((0, 0, 1), (0, 1, 0)),
    "LeftArm": ((1, 0, 0), (0, 0, -1)), "RightForeArm": ((-1, 0, 0), (0, 0, -1)), "RightHand": ((-1, 0, 0), (0, 0, -1)),
}  # fmt: skip


def test_lafan1(files, joints):
    """YanjieZe/GMR, utils/lafan1.py: load_lafan1_file; and the two tables that it retargets by."""
    names, parents, turns, places = read_bvh(files["lafan1"][0])
    assert names == LAFAN1
    world, at = np.empty_like(turns), np.empty_like(places)
    for bone, parent in enumerate(parents):
        above = np.eye(3)[None] if parent < 0 else world[:, parent]
        world[:, bone] = above @ turns[:, bone]
        start = 0.0 if parent < 0 else at[:, parent]
        at[:, bone] = start + (above @ places[:, bone, :, None])[..., 0]
    upright = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    found = at @ upright.T / 100
    assert np.abs(found - joints[:, list(SMPL)]).max() < NEAR
    root = axis_angle_to_matrix(torch.from_numpy(np.load(files["gmr"][0])["poses"].reshape(FRAMES, -1, 3)))
    own = [root[:, 0]]
    for joint in range(1, 22):
        own.append(own[PARENTS[joint]] @ root[:, joint])
    for bone, (x, y) in AXES.items():
        axes = (upright @ world[:, names.index(bone)])[:, :, :2]
        wanted = own[SMPL[LAFAN1.index(bone)]].numpy() @ np.array([x, y], float).T
        assert np.abs(axes - wanted).max() < 1e-5, bone


@pytest.mark.parametrize("name", ["phc", "pbhc"])
def test_phc_and_pbhc(name, files, joints):
    """ZhengyiLuo/PHC and TeleHuman/PBHC, fit_smpl_motion.py: load_amass_data; both take every N-th frame."""
    data = dict(np.load(files[name][0], allow_pickle=True))
    assert data["poses"].shape == (FRAMES, 66) and data["betas"].shape == (10,) and str(data["gender"]) == "neutral"
    skip = int(data["mocap_framerate"] // 30)
    assert len(data["trans"][::skip]) == FRAMES
    pose_aa = np.concatenate([data["poses"][:, :66], np.zeros((FRAMES, 6))], axis=-1)
    rest = np.array([-0.001795, -0.223333, 0.028219])  # SMPL's pelvis, the mean neutral shape
    assert np.abs(kinematics(pose_aa, data["trans"] + rest) - joints).max() < NEAR


def test_protomotions(files, joints):
    """NVlabs/ProtoMotions, data/scripts/convert_amass_to_proto.py: trans is the root's place."""
    data = np.load(files["protomotions"][0])
    rate = np.round(data["mocap_framerate"]).astype(int)
    assert rate == 30 and data["poses"].shape == (FRAMES, 156)
    pose_aa = np.concatenate([data["poses"][:, :66], np.zeros((FRAMES, 6))], axis=1)
    assert np.abs(kinematics(pose_aa, data["trans"]) - joints).max() < NEAR


def test_holosoma(files, joints):
    """amazon-far/holosoma, examples/robot_retarget.py: load_motion_data; config_types/data_type.py: orders."""
    table, flat = files["holosoma"][:2]
    data = np.load(table)
    assert np.abs(data["global_joint_positions"] - joints).max() < NEAR
    assert 1.5 < float(data["height"]) < 2.0
    there = np.load(flat)
    assert there.shape == (FRAMES, 22, 3)
    x, y, z = there.transpose(2, 0, 1)  # transform_y_up_to_z_up: a mirror, so that it calls the left leg the right one
    mirrored = np.stack([x, z, y], -1)
    assert np.abs(mirrored * [1, -1, 1] - joints[:, list(SMPL)]).max() < NEAR


def test_they_stand_on_the_floor_and_say_what_they_rest_on(files, joints):
    soles = joints[:, [JOINTS.index(f"{side}_foot") for side in ("left", "right")], 2].min(1)
    assert 0.0 < np.median(soles) < 0.06
    for name in NAMES:
        told = json.loads(files[name][-1].read_text())
        assert told["file"] == files[name][0].name and told["fps"] == 30 and "assumed" in told and "scale" in told
        assert ("cm" if name == "lafan1" else "m") == told["unit"]
        assert "contact" in told["of_frames"]
    for name in ("gmr", "phc", "protomotions", "holosoma"):
        assert np.load(files[name][0])["contact"].shape == (FRAMES, 4)


def test_a_clip_of_25_frames_a_second_is_brought_to_30(tmp_path):
    """PHC's reader takes every int(fps // 30)-th frame: every 0-th of a clip of less."""
    path = exporter("phc", fps=30).export(walk(), tmp_path)[0]
    assert np.load(path)["mocap_framerate"] == 30
    slow = exporter("phc", fps=25).export(walk(), tmp_path)[0]
    assert np.load(slow)["mocap_framerate"] == 25


def test_without_the_exporter_below_it_says_what_to_install():
    with pytest.raises(MissingResource, match="pip install diffopt-exports"):
        Registry.load(["no:exports"]).context().build("exporter", "gmr", {})
