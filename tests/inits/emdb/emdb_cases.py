"""Files in EMDB's schema from a known motion, with joints that owe nothing to the product's code."""

from __future__ import annotations

import pickle
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

SIZE = (1440, 1920)


def stand_in(gender: str) -> dict[str, np.ndarray]:
    """SMPL's keys and sizes filled with the embedded body, which is smaller where it is female; pelvis off origin."""
    with np.load(str(resources.files("diffopt_core.parts.bodies") / "anny24.npz")) as npz:
        arrays = dict(npz)
    extra = 6890 - len(arrays["v_template"])

    def padded(a: np.ndarray) -> np.ndarray:
        return np.concatenate([a, np.repeat(a[:1], extra, axis=0)]).astype(np.float64)

    tree = arrays["kintree_table"].astype(np.uint32)
    tree[0, 0] = 2**32 - 1
    size = {"male": 1.05, "female": 0.95, "neutral": 1.0}[gender]
    return {
        "v_template": size * padded(arrays["v_template"]) + [0.0, -0.2, 0.03],
        "shapedirs": padded(arrays["shapedirs"]),
        "posedirs": np.zeros((6890, 3, 207)),
        "weights": padded(arrays["weights"]),
        "J_regressor": np.pad(arrays["J_regressor"], ((0, 0), (0, extra))).astype(np.float64),
        "f": arrays["f"].astype(np.uint32),
        "kintree_table": tree,
    }


def joints_of(model: dict[str, np.ndarray], smpl: dict[str, np.ndarray]) -> np.ndarray:
    """``(N, 24, 3)``, world: SMPL as its paper has it, ``transl`` added last."""
    shaped = model["v_template"] + model["shapedirs"][..., :10] @ smpl["betas"]
    rest = model["J_regressor"] @ shaped
    parents = model["kintree_table"][0].astype(np.int64)
    pose = np.concatenate([smpl["poses_root"], smpl["poses_body"]], 1).reshape(-1, 24, 3)
    local = np.stack([Rotation.from_rotvec(p).as_matrix() for p in pose])
    turned, where = local.copy(), np.tile(rest, (len(pose), 1, 1))
    for joint in range(1, 24):
        parent = parents[joint]
        turned[:, joint] = turned[:, parent] @ local[:, joint]
        where[:, joint] = where[:, parent] + turned[:, parent] @ (rest[joint] - rest[parent])
    return where + smpl["trans"][:, None]


def sequence(
    models: dict[str, dict[str, np.ndarray]],
    name: str = "P8_62_outdoor_walk",
    frames: int = 24,
    gender: str = "female",
    size: tuple[int, int] = SIZE,
    emdb1: bool = False,
    emdb2: bool = False,
    seed: int = 0,
) -> tuple[dict[str, Any], np.ndarray]:
    """What the pickle holds, and the true joints: somebody walks through a world with Y up, a phone follows."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames) / 30
    smpl = {
        "poses_root": np.stack([0.1 * np.sin(time), 0.4 + time, 0.05 * np.cos(time)], 1),
        "poses_body": 0.2 * rng.normal(size=69) * np.sin(2 * time + 1)[:, None],
        "trans": np.stack([1.2 * time, 0.9 + 0.02 * np.sin(9 * time), 3 + 0.3 * time], 1),
        "betas": 0.3 * rng.normal(size=10),
    }
    joints = joints_of(models[gender], smpl)
    extrinsics = np.tile(np.eye(4), (frames, 1, 1))
    for frame, person in enumerate(joints[:, 0]):
        eye = person + np.array([0.5 * np.sin(time[frame]), 0.3, 4.0])
        forward = person - eye
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0.0, 1.0, 0.0])
        right /= np.linalg.norm(right)
        R = np.stack([right, np.cross(forward, right), forward])  # x right, y down, z forward
        extrinsics[frame, :3, :3], extrinsics[frame, :3, 3] = R, -R @ eye
    focal = 1.1 * size[0]
    K = np.array([[focal, 0, size[0] / 2 + 3], [0, focal + 2, size[1] / 2 - 4], [0, 0, 1]])
    seen = (joints @ extrinsics[:, :3, :3].transpose(0, 2, 1) + extrinsics[:, None, :3, 3]) @ K.T
    kp2d = seen[..., :2] / seen[..., 2:]
    good = np.ones(frames, bool)
    good[5:7] = False
    boxes = np.concatenate([kp2d.min(1) - 10, kp2d.max(1) + 10], 1)
    data = {
        "gender": gender, "name": name, "emdb1": emdb1, "emdb2": emdb2, "n_frames": frames, "good_frames_mask": good,
        "camera": {"intrinsics": K, "extrinsics": extrinsics, "width": size[0], "height": size[1]},
        "smpl": smpl,
        "kp2d": kp2d,
        "bboxes": {"bboxes": boxes, "invalid_idxs": np.flatnonzero(~good)},
    }  # fmt: skip
    return data, joints


def write(
    root: Path, data: Any, name: str = "P8_62_outdoor_walk", images: int = 0, size: tuple[int, int] = SIZE
) -> Path:
    """The pickle in its place under ``root`` as the release has it; ``images``: how many lie beside it."""
    participant, _, rest = name.partition("_")
    folder = root / participant / rest
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}_data.pkl"
    path.write_bytes(pickle.dumps(data, protocol=4))
    if images:
        (folder / "images").mkdir()
        for number in range(images):
            Image.new("RGB", size, (number % 255, 0, 0)).save(folder / "images" / f"{number:05d}.jpg", quality=5)
    return path
