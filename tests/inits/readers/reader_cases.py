"""A known motion, and each tool's file of it, written as the tool writes it."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import torch
from diffopt_core.types import Clip
from scipy.spatial.transform import Rotation

SIZE = (1280, 720)
FOCAL = 1100.0
FLIP = np.diag([1.0, -1.0, -1.0])
Z_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # from Y up to Z up
#: Rest pelvis of the neutral mean shapes.
PELVIS = {"smpl": (-0.0018, -0.2233, 0.0282), "smplh": (-0.0018, -0.2233, 0.0282), "smplx": (0.0031, -0.3514, 0.0120)}


@dataclass(frozen=True)
class Known:
    """World: Y up, floor y = 0. ``p``: rest pelvis of the frames' betas, by body model."""

    pose: np.ndarray  # N 24 3 3, root in the world
    pelvis: np.ndarray  # N 3
    R: np.ndarray  # world to camera
    t: np.ndarray
    betas: np.ndarray  # N 10
    p: dict[str, np.ndarray]  # N 3

    @property
    def n(self) -> int:
        return len(self.pose)

    @property
    def orient_cam(self) -> np.ndarray:
        return self.R @ self.pose[:, 0]

    @property
    def pelvis_cam(self) -> np.ndarray:
        return apply(self.R, self.pelvis) + self.t


def apply(R, x):
    return (R @ x[..., None])[..., 0]


def aa(R):
    return Rotation.from_matrix(R.reshape(-1, 3, 3)).as_rotvec().reshape(*R.shape[:-2], 3)


def make(seed: int = 0, n: int = 40, betas: np.ndarray | None = None, rest=None) -> Known:
    """A walk, seen by a camera that moves and turns. ``rest``: betas to rest pelvis, by body model."""
    rng = np.random.default_rng(seed)
    s = np.linspace(0, 1, n)[:, None]
    pelvis = np.concatenate([3 * s, 0.95 + 0.03 * np.sin(9 * s), -4 + np.sin(3 * s)], 1)
    yaw = Rotation.from_rotvec(np.concatenate([0.1 * np.cos(5 * s), 1.5 + 2 * s, 0.1 * np.sin(5 * s)], 1)).as_matrix()
    local = rng.normal(0, 0.35, (1, 23, 3)) + 0.3 * np.sin(6 * s[:, None] + rng.normal(size=(1, 23, 1)))
    local[:, 21:] = 0  # hands, which SMPL-X and SMPL-H do not share
    body = Rotation.from_rotvec(local.reshape(-1, 3)).as_matrix().reshape(n, 23, 3, 3)
    turn = Rotation.from_rotvec(np.concatenate([0.05 * s, 0.25 * s - 0.1, 0.03 * np.sin(4 * s)], 1)).as_matrix()
    R = turn @ FLIP  # looks along -z
    C = np.concatenate([1.2 + s, 1.5 + 0.1 * s, 1 + 0.2 * s], 1)
    betas = np.zeros((n, 10)) if betas is None else np.broadcast_to(betas, (n, 10))
    p = {k: np.broadcast_to(rest(k, betas) if rest else np.array(v), (n, 3)) for k, v in PELVIS.items()}
    return Known(np.concatenate([yaw[:, None], body], 1), pelvis, R, -apply(R, C), betas, p)


def clip_of(n: int, **changes) -> Clip:
    return Clip(**{"name": "known", "path": None, "fps": 30.0, "size": SIZE, "num_frames": n, **changes})


def wham_person(k: Known, rows=slice(None)) -> dict:
    body = aa(k.pose[:, 1:]).reshape(k.n, 69)
    return {
        "pose": np.concatenate([aa(k.orient_cam), body], 1)[rows].astype(np.float32),
        "trans": (k.pelvis_cam - k.p["smpl"])[rows].astype(np.float32),
        "pose_world": np.concatenate([aa(k.pose[:, 0]), body], 1)[rows].astype(np.float32),
        "trans_world": (k.pelvis - k.p["smpl"])[rows].astype(np.float32),
        "betas": k.betas[rows].astype(np.float32),
        "verts": np.zeros((1, 6890, 3), np.float32),
        "frame_ids": np.arange(k.n)[rows],
    }


def wham(k: Known, folder: Path) -> Path:
    file = folder / "wham_output.pkl"
    joblib.dump({0: wham_person(k)}, file)
    return file


def _smplx(orient, pelvis, k: Known) -> dict:
    return {
        "body_pose": torch.tensor(aa(k.pose[:, 1:22]).reshape(k.n, 63)).float(),
        "global_orient": torch.tensor(aa(orient)).float(),
        "transl": torch.tensor(pelvis - k.p["smplx"]).float(),
        "betas": torch.tensor(k.betas.copy()).float(),
    }


def K_of(n: int) -> np.ndarray:
    K = np.array([[FOCAL, 0, SIZE[0] / 2], [0, FOCAL, SIZE[1] / 2], [0, 0, 1]], np.float32)
    return np.tile(K, (n, 1, 1))


def gvhmr(k: Known, folder: Path, names=("smpl_params_global", "smpl_params_incam")) -> Path:
    file = folder / "hmr4d_results.pt"
    held = {
        names[0]: _smplx(k.pose[:, 0], k.pelvis, k),
        names[1]: _smplx(k.orient_cam, k.pelvis_cam, k),
        "K_fullimg": torch.tensor(K_of(k.n)),
        "net_outputs": {"model_output": torch.zeros(1)},
    }
    torch.save(held, file)
    return file


def gem(k: Known, folder: Path) -> Path:
    return gvhmr(k, folder, ("body_params_global", "body_params_incam"))


def tram_camera(k: Known, folder: Path, **more) -> Path:
    """Camera to world, of a world with y down, as SLAM's."""
    back = k.R.swapaxes(1, 2)
    held = {"pred_cam_R": (FLIP @ back).astype(np.float32), "pred_cam_T": apply(FLIP @ back, -k.t).astype(np.float32)}
    held |= {"img_focal": np.float64(FOCAL), "img_center": np.array(SIZE) / 2}
    np.save(folder / "camera.npy", held | more)
    return folder / "camera.npy"


def tram(k: Known, folder: Path, rows=slice(None), index=0) -> Path:
    tram_camera(k, folder)
    pose = k.pose.copy()
    pose[:, 0] = k.orient_cam
    (folder / "hps").mkdir(exist_ok=True)
    file = folder / "hps" / f"hps_track_{index}.npy"
    held = {
        "pred_cam": torch.zeros(k.n, 3)[rows], "pred_pose": torch.zeros(k.n, 144)[rows],
        "pred_shape": torch.tensor(k.betas.copy()).float()[rows], "pred_rotmat": torch.tensor(pose).float()[rows],
        "pred_trans": torch.tensor(k.pelvis_cam - k.p["smpl"]).float()[rows, None],
        "frame": torch.arange(k.n)[rows],
    }  # fmt: skip
    np.save(file, held)
    return file


def slahmr(k: Known, folder: Path, tilt=None, people: int = 1, floor: bool = True, **info) -> Path:
    """World with y down and its floor 1.5 m below the origin; ``tilt`` turns it besides."""
    Q, lift = (np.eye(3) if tilt is None else tilt) @ FLIP, np.array([0.0, -1.5, 0.0])
    pelvis = (k.pelvis + lift) @ Q.T
    # x_cam = R x + t, x = Q^T x_s - lift
    R, t = k.R @ Q.T, k.t - apply(k.R, lift)
    held = {
        "trans": pelvis - k.p["smplh"], "root_orient": aa(Q @ k.pose[:, 0]),
        "pose_body": aa(k.pose[:, 1:22]).reshape(k.n, 63), "cam_R": R, "cam_t": t,
    }  # fmt: skip
    held = {key: np.repeat(value[None], people, 0).astype(np.float32) for key, value in held.items()}
    held["betas"] = np.tile(np.concatenate([k.betas[0], np.zeros(6)]), (people, 1)).astype(np.float32)
    held["intrins"] = np.tile(np.array([FOCAL, FOCAL, SIZE[0] / 2, SIZE[1] / 2]), (k.n, 1)).astype(np.float32)
    if floor:  # normal times offset, of either sign: points with y_ours = 0
        held["floor_plane"] = ((Q @ [0, 1, 0]) * -1.5)[None].astype(np.float32)
        held["floor_idcs"] = np.zeros(people, np.int64)
        held["world_scale"] = np.ones((1, 1), np.float32)
    phase = folder / "motion_chunks"
    phase.mkdir(exist_ok=True)
    np.savez(phase / "seq_000060_world_results.npz", **held)
    if info.get("track_info", True):
        tracks = {str(i): {"index": i, "vis_mask": [True] * k.n} for i in range(people)}
        meta = {"seq_interval": [0, k.n], "data_interval": [0, k.n]}
        (folder / "track_info.json").write_text(json.dumps({"tracks": tracks, "meta": meta}))
    return phase / "seq_000060_world_results.npz"


def glamr(k: Known, folder: Path) -> Path:
    cameras = np.tile(np.eye(4), (k.n, 1, 1))
    cameras[:, :3, :3], cameras[:, :3, 3] = k.R @ Z_UP.T, k.t
    person = {
        "smpl_pose": aa(k.pose[:, 1:]).reshape(k.n, 69).astype(np.float32), "smpl_beta": k.betas.astype(np.float32),
        "smpl_orient_world": aa(Z_UP @ k.pose[:, 0]).astype(np.float32),
        "root_trans_world": (k.pelvis @ Z_UP.T).astype(np.float32), "cam_K": K_of(k.n), "scale": None,
        "visible": np.ones(k.n), "exist_frames": np.ones(k.n, bool), "frames": np.arange(k.n),
    }  # fmt: skip
    file = folder / "seq_seed1.pkl"
    held = {"person_data": {0: person}, "cam_pose": cameras.astype(np.float32), "seq_name": "seq", "gt": {}}
    file.write_bytes(pickle.dumps(held))
    return file


def prompthmr(k: Known, folder: Path) -> Path:
    def full(orient):
        out = np.tile(np.eye(3), (k.n, 55, 1, 1))
        out[:, 0], out[:, 1:22] = orient, k.pose[:, 1:22]
        return out

    shape = k.betas.astype(np.float32)
    person = {
        "frames": np.arange(k.n), "track_id": 3, "bboxes": np.tile([10.0, 20, 110, 320], (k.n, 1)),
        "smplx_cam": {"rotmat": full(k.orient_cam).astype(np.float32), "shape": shape,
                      "trans": (k.pelvis_cam - k.p["smplx"]).astype(np.float32),
                      "static_conf_logits": np.zeros((k.n, 6))},
        "smplx_world": {"pose": aa(full(k.pose[:, 0])).reshape(k.n, 165).astype(np.float32), "shape": shape,
                        "trans": (k.pelvis - k.p["smplx"]).astype(np.float32)},
    }  # fmt: skip
    back = k.R.swapaxes(1, 2)
    intrinsics = {"img_focal": FOCAL, "img_center": np.array(SIZE) / 2}
    held = {
        "people": {1: person}, "camera": {"pred_cam_R": back, "pred_cam_T": -apply(back, k.t), **intrinsics},
        "camera_world": {"Rwc": back, "Twc": -apply(back, k.t), "Rcw": k.R, "Tcw": k.t, **intrinsics},
        "contact_joint_ids": [7, 10, 8, 11, 20, 21], "has_slam": True, "masks": None,
    }  # fmt: skip
    file = folder / "results.pkl"
    joblib.dump(held, file)
    return file


def weak_of(k: Known):
    """Scale in px per metre and offset of the full image."""
    transl = k.pelvis_cam - k.p["smpl"]
    return FOCAL / transl[:, 2], transl[:, :2]


def vibe_person(k: Known, rows=slice(None)) -> dict:
    scale, offset = weak_of(k)
    side = np.full(k.n, 400.0)
    centre = np.array(SIZE) / 2 + (k.pelvis_cam[:, :2] / k.pelvis_cam[:, 2:]) * FOCAL
    crop = np.concatenate([(2 * scale / side)[:, None], offset - (centre - np.array(SIZE) / 2) / scale[:, None]], 1)
    pose = np.concatenate([aa(k.orient_cam), aa(k.pose[:, 1:]).reshape(k.n, 69)], 1)
    return {
        "pred_cam": crop[rows].astype(np.float32),
        "orig_cam": np.stack([2 * scale / SIZE[0], 2 * scale / SIZE[1], *offset.T], 1)[rows].astype(np.float32),
        "verts": np.zeros((1, 6890, 3), np.float32), "pose": pose[rows].astype(np.float32),
        "betas": k.betas[rows].astype(np.float32), "joints3d": np.zeros((1, 49, 3)), "joints2d": None,
        "bboxes": np.concatenate([centre, side[:, None], side[:, None]], 1)[rows], "frame_ids": np.arange(k.n)[rows],
    }  # fmt: skip


def vibe(k: Known, folder: Path) -> Path:
    file = folder / "vibe_output.pkl"
    joblib.dump({1: vibe_person(k)}, file)
    return file


def phalp_frame(k: Known, i: int, tid=(1, 2), tracked=(1,)) -> dict:
    scale, offset = weak_of(k)
    box = np.array([300.0, 100.0, 180.0, 420.0])
    centre = box[:2] + box[2:] / 2
    camera = np.array([2 * scale[i] / 420.0, *(offset[i] - (centre - np.array(SIZE) / 2) / scale[i])])
    smpl = {"global_orient": k.orient_cam[i][None], "body_pose": k.pose[i, 1:], "betas": k.betas[i]}
    other = {"global_orient": np.eye(3)[None], "body_pose": np.tile(np.eye(3), (23, 1, 1)), "betas": np.zeros(10)}
    people = len(tid)
    return {
        "time": i, "shot": 0, "frame_path": f"images/{i:06d}.jpg", "tid": list(tid), "tracked_ids": list(tracked),
        "tracked_bbox": [box] * people, "bbox": [box] * people, "tracked_time": [0] * people,
        "center": [centre] * people, "scale": [box[2:]] * people, "size": [[SIZE[1], SIZE[0]]] * people,
        "conf": [0.9] * people, "class_name": [0] * people, "annotations": [[]] * people,
        "smpl": [smpl, other][:people], "camera": [np.zeros(3)] * people, "camera_bbox": [camera] * people,
        "3d_joints": [np.zeros((45, 3))] * people, "2d_joints": [np.zeros(90)] * people,
        "mask": [{"size": [720, 1280], "counts": b"abc"}] * people, "extra_data": [None] * people,
    }  # fmt: skip


def phalp(k: Known, folder: Path) -> Path:
    file = folder / "demo_seq.pkl"
    joblib.dump({f"images/{i:06d}.jpg": phalp_frame(k, i) for i in range(k.n)}, file, compress=3)
    return file


#: System's name, its body model, what writes its file, and whether the file holds a world.
#: NVlabs/SOMA-X, tests/test_pose_inversion.py: SOMA's bones in their order, fingers aside.
SOMA = {
    0: "Hips", 1: "Spine1", 2: "Spine2", 3: "Chest", 4: "Neck1", 5: "Neck2", 6: "Head", 11: "LeftShoulder",
    12: "LeftArm", 13: "LeftForeArm", 14: "LeftHand", 39: "RightShoulder", 40: "RightArm", 41: "RightForeArm",
    42: "RightHand",
    67: "LeftLeg", 68: "LeftShin", 69: "LeftFoot", 70: "LeftToeBase", 72: "RightLeg", 73: "RightShin", 74: "RightFoot",
    75: "RightToeBase",
}  # fmt: skip
#: SMPL's 21 body joints by those names, in SMPL's order.
AS_SOMA = (
    "LeftLeg RightLeg Spine1 LeftShin RightShin Spine2 LeftFoot RightFoot Chest LeftToeBase RightToeBase Neck1 "
    "LeftShoulder RightShoulder Head LeftArm RightArm LeftForeArm RightForeArm LeftHand RightHand"
)


def _soma(orient, pelvis, k: Known) -> dict:
    """NVlabs/GEM-X, pipeline/gem_pipeline.py; the neck's bend is shared by Neck2 and Head, as SOMA has it."""
    index = {name: n for n, name in SOMA.items()}
    local = np.tile(np.eye(3), (k.n, 77, 1, 1))
    for joint, name in enumerate(AS_SOMA.split(), 1):
        local[:, index[name]] = k.pose[:, joint]
    half = Rotation.from_matrix(local[:, index["Head"]])
    local[:, index["Neck2"]] = Rotation.from_rotvec(half.as_rotvec() / 2).as_matrix()
    local[:, index["Head"]] = local[:, index["Neck2"]]
    return {
        "body_pose": torch.tensor(aa(local[:, 1:]).reshape(k.n, 76 * 3)).float(),
        "global_orient": torch.tensor(aa(orient)).float(),
        "transl": torch.tensor(pelvis).float(),  # SOMALayer.pose puts Hips there
        "identity_coeffs": torch.zeros(k.n, 45),
        "scale_params": torch.ones(k.n, 69),
    }


def gemx(k: Known, folder: Path) -> Path:
    """gem/gem.py: predict, saved by scripts/demo/demo_soma.py."""
    file = folder / "hpe_results.pt"
    held = {
        "body_params_global": _soma(k.pose[:, 0], k.pelvis, k),
        "body_params_incam": _soma(k.orient_cam, k.pelvis_cam, k),
        "K_fullimg": torch.tensor(K_of(k.n)),
        "net_outputs": {"pred_cam": torch.zeros(1, k.n, 3)},
    }
    torch.save(held, file)
    return file


TOOLS = {
    "wham": (wham, "smpl", True), "gvhmr": (gvhmr, "smplx", True), "gem": (gem, "smplx", True),
    "gemx": (gemx, "smpl", True), "tram": (tram, "smpl", True), "slahmr": (slahmr, "smplh", True),
    "glamr": (glamr, "smpl", True), "prompthmr": (prompthmr, "smplx", True), "vibe": (vibe, "smpl", False),
    "hmr2": (phalp, "smpl", False),
}  # fmt: skip
