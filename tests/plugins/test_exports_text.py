"""BVH, CSV and TRC: read by parsers of their own; AMASS by our reader and by smplx."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import smplx
import torch
from diffopt_core.data.skeleton import JOINTS
from diffopt_core.parts.bodies.anny24 import load
from diffopt_core.parts.datasets.configs import AmassConfig
from diffopt_core.parts.datasets.motion_file import load_motion
from diffopt_core.results.saved import read_result
from exports_cases import FRAMES, apart, bare, exporter, shaped, walk
from scipy.spatial.transform import Rotation


def read_bvh(path: Path) -> tuple[dict[str, np.ndarray], float, int]:
    """Joint name -> (T, 3) world positions, frame time, number of end sites."""
    head, _, tail = path.read_text().partition("MOTION")
    stack, joints, ends = [], [], 0
    tokens = iter(head.split())
    for token in tokens:
        if token in ("ROOT", "JOINT"):
            joints.append({"name": next(tokens), "parent": stack[-1] if stack else None})
            stack.append(len(joints) - 1)
        elif token == "End":
            next(tokens)
            ends += 1
            joints.append({"name": f"end{ends}", "parent": stack[-1], "channels": []})
            stack.append(len(joints) - 1)
        elif token == "OFFSET":
            joints[stack[-1]]["offset"] = np.array([float(next(tokens)) for _ in range(3)])
        elif token == "CHANNELS":
            joints[stack[-1]]["channels"] = [next(tokens) for _ in range(int(next(tokens)))]
        elif token == "}":
            stack.pop()
    lines = tail.strip().splitlines()
    frames, seconds = int(lines[0].split()[1]), float(lines[1].split()[2])
    values = np.array([[float(v) for v in line.split()] for line in lines[2:]])
    assert values.shape == (frames, sum(len(joint["channels"]) for joint in joints))
    turns, places, column = [], [], 0
    for joint in joints:
        own = values[:, column : column + len(joint["channels"])]
        column += len(joint["channels"])
        move = np.tile(joint["offset"], (frames, 1))
        turn = Rotation.identity(frames)
        for channel, value in zip(joint["channels"], own.T, strict=True):
            if channel.endswith("position"):
                move[:, "XYZ".index(channel[0])] += value
            else:  # channels act from left to right as factors
                turn = turn * Rotation.from_euler(channel[0].lower(), value[:, None], degrees=True)
        above = joint["parent"]
        if above is None:
            turns.append(turn)
            places.append(move)
        else:
            places.append(places[above] + turns[above].apply(move))
            turns.append(turns[above] * turn)
    return {joint["name"]: place for joint, place in zip(joints, places, strict=True)}, seconds, ends


@pytest.mark.parametrize("order", ["zxy", "zyx", "xyz", "xzy", "yxz", "yzx"])
def test_bvh_has_our_joints(tmp_path, order):
    path, beside = exporter("bvh", order=order).export(walk(), tmp_path)
    places, seconds, ends = read_bvh(path)
    assert ends == 5 and seconds == pytest.approx(1 / 30, abs=1e-6)
    found = np.stack([places[name] for name in JOINTS], 1)
    assert apart(found, walk().joints) < 1e-4
    channels = " ".join(f"{axis.upper()}rotation" for axis in order)
    assert channels in path.read_text() and json.loads(beside.read_text())["euler_order"] == order


def test_bvh_joints_are_listed_depth_first_under_mixamos_names(tmp_path):
    path, beside = exporter("bvh", names="mixamo", up="z", unit="cm").export(bare(), tmp_path)
    names = [line.split()[1] for line in path.read_text().splitlines() if line.strip().startswith(("ROOT", "JOINT"))]
    assert names[:5] == [f"mixamorig:{n}" for n in ("Hips", "LeftUpLeg", "LeftLeg", "LeftFoot", "LeftToeBase")]
    assert len(set(names)) == 24 and json.loads(beside.read_text())["joints"] == names
    places, _, _ = read_bvh(path)
    x, y, z = places["mixamorig:Head"].T / 100
    assert apart(np.stack([x, z, -y], -1), bare().joints[:, 15]) < 1e-4


def test_bvh_angles_do_not_jump(tmp_path):
    from dataclasses import replace

    from diffopt_core.data.rotation import yaw_to_matrix

    spin = yaw_to_matrix(torch.linspace(0, 12.0, FRAMES))  # nearly two turns
    motion = walk().motion
    pose = torch.cat([(spin @ motion.pose[:, 0])[:, None], motion.pose[:, 1:]], 1)
    joints = (walk().joints - motion.trans[:, None]) @ spin.mT + motion.trans[:, None]
    path, _ = exporter("bvh").export(replace(walk(), motion=replace(motion, pose=pose), joints=joints), tmp_path)
    rows = np.loadtxt(path.read_text().splitlines()[-FRAMES:])
    assert np.abs(np.diff(rows[:, 3:], axis=0)).max() < 90
    places, _, _ = read_bvh(path)
    assert apart(np.stack([places[name] for name in JOINTS], 1), joints) < 1e-4


def test_csv_and_trc_hold_the_joints(tmp_path):
    path, _ = exporter("csv", unit="cm").export(walk(), tmp_path)
    head = path.open().readline().strip().split(",")
    assert head[:5] == ["frame", "time", "pelvis_x", "pelvis_y", "pelvis_z"] and head[74:][-1] == "right_foot_stands"
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    assert np.allclose(table[:, 1], np.arange(FRAMES) / 30, atol=1e-6)
    assert apart(table[:, 2:74].reshape(FRAMES, 24, 3) / 100, walk().joints) < 1e-5
    stands = table[:, 74:][:, -4:]
    assert set(np.unique(stands)) <= {0.0, 1.0} and 0.1 < stands.mean() < 0.9

    path, _ = exporter("trc").export(bare(), tmp_path)
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    assert lines[0][0] == "PathFileType"
    said = dict(zip(lines[1], lines[2], strict=True))
    assert said["Units"] == "m" and said["NumMarkers"] == "24" and said["NumFrames"] == str(FRAMES)
    assert float(said["DataRate"]) == 30
    assert [name for name in lines[3][2:] if name] == list(JOINTS) and lines[3][2::3] == list(JOINTS)
    assert lines[4][2:5] == ["X1", "Y1", "Z1"] and lines[5] == [""]
    table = np.array(lines[6:], float)
    assert table[0, 0] == 1 and apart(table[:, 2:].reshape(FRAMES, 24, 3), bare().joints) < 1e-5


def test_amass_through_our_reader_and_through_smplx(tmp_path):
    path, beside = exporter("amass").export(walk(), tmp_path)
    saved = np.load(path, allow_pickle=False)
    assert saved["poses"].shape == (FRAMES, 156) and not saved["poses"][:, 66:].any()
    assert str(saved["gender"]) == "neutral" and saved["mocap_framerate"] == 30 and saved["betas"].shape == (16,)
    assert saved["mocap_framerate"].dtype.kind == "i" and saved["mocap_frame_rate"] == 30
    assert np.array_equal(np.concatenate([saved["root_orient"], saved["pose_body"]], 1), saved["poses"][:, :66])
    pelvis = tuple(float(v) for v in saved["rest_pelvis"])
    clip = load_motion(path, AmassConfig(rest_pelvis=(pelvis[0], -pelvis[2], pelvis[1])))
    motion = clip.truth.motion
    assert motion.pose.shape == (FRAMES, 24, 3, 3)

    file = Path(__import__("diffopt_core").__file__).parent / "parts" / "bodies" / "anny24.npz"
    arrays = dict(np.load(file)) | {"posedirs": np.zeros((3446, 3, 207), np.float32)}
    ids = dict.fromkeys(smplx.vertex_ids.vertex_ids["smplh"], 0)
    model = smplx.SMPL(model_path="", data_struct=smplx.utils.Struct(**arrays), vertex_ids=ids)
    poses = torch.from_numpy(saved["poses"]).float()
    out = model(
        betas=torch.from_numpy(saved["betas"][:10]).float().expand(FRAMES, -1), global_orient=poses[:, :3],
        body_pose=torch.cat([poses[:, 3:66], torch.zeros(FRAMES, 6)], 1),
        transl=torch.from_numpy(saved["trans"]).float(),
    )  # fmt: skip
    x, y, z = out.joints[:, :24].detach().numpy().transpose(2, 0, 1)
    assert apart(np.stack([x, z, -y], -1), walk().joints) < 1e-4, "AMASS has z up"
    assert "SMPL's transl" in json.loads(beside.read_text())["trans"]


def test_amass_names_what_its_betas_are(tmp_path, caplog):
    (path, _) = exporter("amass").export(shaped(walk(), "smpl"), tmp_path)
    saved = np.load(path)
    assert not saved["betas"].any() and saved["betas_given"].all() and "did not shape" in caplog.text
    (path, _) = exporter("amass").export(shaped(bare(), "smpl"), tmp_path)
    saved = np.load(path)
    assert saved["betas"][:10].all() and "average adult" in caplog.text
    pelvis = load().rest_pelvis(torch.zeros(1, 10))[0]
    assert np.abs(saved["rest_pelvis"] - pelvis.numpy()).max() < 5e-3


def test_amass_keeps_the_gender_of_the_body(tmp_path, caplog):
    def gender(result, **options):
        return str(np.load(exporter("amass", **options).export(result, tmp_path)[0])["gender"])

    female = shaped(bare(), "smpl-female")
    assert gender(female) == "female" and "not SMPL's" not in caplog.text
    recipe = {"body": {"name": "smpl", "options": {"gender": "male"}}}
    assert gender(replace(bare(), body_model="smpl", recipe=recipe)) == "male"
    assert gender(female, gender="neutral") == "neutral"
    gender(female)
    assert gender(read_result(tmp_path / "amass.npz")) == "female", "a motion file's own is kept as well"


def test_amass_can_keep_y_up(tmp_path):
    path, _ = exporter("amass", up="y").export(walk(), tmp_path)
    saved = np.load(path)
    assert apart(saved["trans"] + saved["rest_pelvis"], walk().joints[:, 0]) < 1e-5 and str(saved["up"]) == "y"


def test_the_angles_of_a_bent_knee_do_not_jump():
    from diffopt_exports.text import euler_degrees, steady_orders
    from scipy.spatial.transform import Rotation

    share = np.linspace(0, 1, 60)
    bend = np.stack([60 + 60 * share, 3 * np.sin(20 * share), 4 * np.cos(17 * share)], -1)  # about x past 90 degrees
    knee = torch.from_numpy(Rotation.from_rotvec(np.radians(bend)).as_matrix())
    calm = torch.eye(3).double().expand(60, 3, 3)
    both = torch.stack([knee, calm], 1)
    orders = steady_orders(both)
    assert orders[0] != "zxy" and orders[1] == "zxy"
    usual, chosen = (np.abs(np.diff(euler_degrees(knee, order), axis=0)).max() for order in ("zxy", orders[0]))
    turn = np.degrees(
        (knee[1:] @ knee[:-1].mT).diagonal(dim1=1, dim2=2).sum(-1).sub(1).div(2).clamp(-1, 1).acos().max()
    )
    assert chosen < 2 * turn < usual
    again = Rotation.from_euler(orders[0].upper(), euler_degrees(knee, orders[0]), degrees=True).as_matrix()
    assert np.abs(again - knee.numpy()).max() < 1e-9
