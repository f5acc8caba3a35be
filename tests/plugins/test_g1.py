"""The robot itself: joint angles within their limits, standing feet on the floor, files by their readers' logic."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from diffopt_core.errors import BadInput, MissingResource
from exports_cases import FRAMES, exporter, walk
from scipy.spatial.transform import Rotation

#: A stand-in for Unitree's model, with its names, ranges and lengths: (name, place, axis, low, high) from the hip down.
LEG = [
    ("hip_pitch", (0, 0.0645, -0.1027), "0 1 0", -2.5, 2.9), ("hip_roll", (0, 0.052, -0.0305), "1 0 0", -1.6, 2.9),
    ("hip_yaw", (0.025, 0, -0.1241), "0 0 1", -2.7, 2.7), ("knee", (-0.0253, 0, -0.182), "0 1 0", -0.1, 2.9),
    ("ankle_pitch", (0, 0, -0.3), "0 1 0", -0.9, 0.55), ("ankle_roll", (0, 0, -0.0176), "1 0 0", -0.3, 0.3),
]  # fmt: skip
ARM = [
    ("shoulder_pitch", (0.004, 0.1, 0.2478), "0 1 0", -3.1, 2.6), ("shoulder_roll", (0, 0.04, 0), "1 0 0", -1.6, 2.3),
    ("shoulder_yaw", (0, 0.006, -0.103), "0 0 1", -2.6, 2.6), ("elbow", (0.0158, 0, -0.0805), "0 1 0", -1.1, 2.1),
    ("wrist_roll", (0.1, 0.002, -0.01), "1 0 0", -1.9, 1.9), ("wrist_pitch", (0.038, 0, 0), "0 1 0", -1.6, 1.6),
    ("wrist_yaw", (0.046, 0, 0), "0 0 1", -1.6, 1.6),
]  # fmt: skip
WAIST = [
    ("waist_yaw", (0, 0, 0), "0 0 1"), ("waist_roll", (-0.004, 0, 0.044), "1 0 0"), ("waist_pitch", (0, 0, 0), "0 1 0"),
]  # fmt: skip


def limb(parts: list, side: str, sign: float) -> str:
    """Nested bodies; ``sign`` -1 mirrors the right side's places and its ranges about x and z."""
    text = ""
    for name, (x, y, z), axis, low, high in parts:
        low, high = (low, high) if sign > 0 or axis == "0 1 0" else (-high, -low)
        text += (
            f'<body name="{side}_{name}_link" pos="{x} {sign * y} {z}"><inertial pos="0 0 0" mass="1" '
            f'diaginertia="1e-2 1e-2 1e-2"/><joint name="{side}_{name}_joint" axis="{axis}" range="{low} {high}"/>'
        )
    return text + "</body>" * len(parts)


def write_model(path: Path) -> Path:
    inertia = '<inertial pos="0 0 0" mass="1" diaginertia="1e-2 1e-2 1e-2"/>'
    waist = ""
    for name, place, axis in WAIST:
        body = "torso_link" if name == "waist_pitch" else f"{name}_link"
        at = " ".join(map(str, place))
        waist += f'<body name="{body}" pos="{at}">{inertia}<joint name="{name}_joint" axis="{axis}" range="-1 1"/>'
    legs, arms = (limb(parts, "left", 1.0) + limb(parts, "right", -1.0) for parts in (LEG, ARM))
    path.write_text(
        '<mujoco><compiler angle="radian" autolimits="true"/><worldbody><body name="pelvis" pos="0 0 0.793">'
        f"<freejoint/>{inertia}{legs}{waist}{arms}{'</body>' * 3}</body></worldbody></mujoco>"
    )
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    pytest.importorskip("mink", reason="pip install 'diffopt-robots[g1]'")
    folder = tmp_path_factory.mktemp("g1")
    model = write_model(folder / "g1.xml")
    written = exporter("g1", model=str(model)).export(walk(), folder / "out")
    return {path.name: path for path in written} | {"model": model}


def test_limits_hold_and_standing_feet_are_on_the_floor(files):
    told = json.loads(files["g1.csv.json"].read_text())
    assert told["limits_broken_rad"] == 0 and told["standing_feet_off_the_floor_max_mm"] < 5
    assert told["foot_skate_mm_per_frame"] < 0.5 and told["tracking_error_mm"] < 60
    assert len(told["joints"]) == 29 and told["scale"] and told["assumed"]


def test_unitree_csv_is_what_it_says(files):
    """No header; x y z, qx qy qz qw, 29 angles: posed again by MuJoCo the soles are on the floor."""
    mujoco = pytest.importorskip("mujoco")
    table = np.loadtxt(files["g1.csv"], delimiter=",")
    assert table.shape == (FRAMES, 36)
    assert np.allclose(np.linalg.norm(table[:, 3:7], axis=1), 1, atol=1e-5)
    model = mujoco.MjModel.from_xml_path(str(files["model"]))
    data, low = mujoco.MjData(model), []
    for row in table:
        data.qpos[:] = np.concatenate([row[:3], row[[6, 3, 4, 5]], row[7:]])
        mujoco.mj_kinematics(model, data)
        low.append(min(data.body(f"{side}_ankle_roll_link").xpos[2] for side in ("left", "right")) - 0.035)
    assert np.abs(np.median(low)) < 5e-3 and min(low) > -5e-3
    angles, (lowest, highest) = table[:, 7:], model.jnt_range[1:].T
    assert (angles >= lowest - 1e-5).all() and (angles <= highest + 1e-5).all()


def test_protomotions_csv(files):
    """NVlabs/ProtoMotions, data/scripts/convert_g1_csv_to_proto.py: cm, extrinsic xyz and angles in degrees."""
    head = files["g1_protomotions.csv"].open().readline().strip().split(",")
    assert head[:7] == ["Frame", *(f"root_{kind}{axis}" for kind in ("translate", "rotate") for axis in "XYZ")]
    assert head[7] == "left_hip_pitch_joint_dof" and len(head) == 36
    data = np.loadtxt(files["g1_protomotions.csv"], delimiter=",", skiprows=1)
    assert len(data) == 4 * (FRAMES - 1) + 1
    every = data[:: 120 // 30]  # its input_fps // output_fps
    plain = np.loadtxt(files["g1.csv"], delimiter=",")
    assert np.abs(every[:, 1:4] / 100 - plain[:, :3]).max() < 1e-5
    turned = Rotation.from_euler("xyz", every[:, 4:7], degrees=True)
    assert (turned.inv() * Rotation.from_quat(plain[:, 3:7])).magnitude().max() < 1e-4
    assert np.abs(np.deg2rad(every[:, 7:]) - plain[:, 7:]).max() < 1e-4


def test_pickles(files):
    """YanjieZe/GMR, bvh_to_robot.py; TeleHuman/PBHC, motion_source/convert_lafan_pkl.py and convert_fit_motion.py."""
    plain = np.loadtxt(files["g1.csv"], delimiter=",")
    gmr = pickle.loads(files["g1_gmr.pkl"].read_bytes())
    assert gmr["fps"] == 30 and np.abs(np.c_[gmr["root_pos"], gmr["root_rot"], gmr["dof_pos"]] - plain).max() < 1e-5
    (motion,) = pickle.loads(files["g1_motionlib.pkl"].read_bytes()).values()
    dof = np.concatenate((plain[:, 7:26], plain[:, 29:33]), axis=1)
    assert motion["dof"].shape == (FRAMES, 23) and np.abs(motion["dof"] - dof).max() < 1e-5
    assert motion["pose_aa"].shape == (FRAMES, 27, 3) and motion["contact_mask"].shape == (FRAMES, 2)
    root = Rotation.from_quat(plain[:, 3:7]).as_rotvec()
    assert np.abs(motion["pose_aa"][:, 0] - root).max() < 1e-4
    assert np.abs(motion["pose_aa"][:, 4, 1] - plain[:, 10]).max() < 1e-5, "the knee turns about y"
    assert np.abs(motion["root_trans_offset"] - plain[:, :3]).max() < 1e-5 and motion["fps"] == 30


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("DIFFOPT_G1", raising=False)
    try:
        import mink  # noqa: F401
    except ImportError:
        with pytest.raises(MissingResource, match=r"pip install 'diffopt-robots\[g1\]'"):
            exporter("g1")
        return
    with pytest.raises(MissingResource, match=r"BSD-3-Clause.*g1\.model=FILE"):
        exporter("g1")
    with pytest.raises(MissingResource, match=r"no file at .*absent\.xml"):
        exporter("g1", model=str(tmp_path / "absent.xml"))
    ball = '<body name="a"><freejoint/><geom size="1"/></body>'
    (tmp_path / "other.xml").write_text(f"<mujoco><worldbody>{ball}</worldbody></mujoco>")
    with pytest.raises(BadInput, match="0 hinge joints"):
        exporter("g1", model=str(tmp_path / "other.xml"))
