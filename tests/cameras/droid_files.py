"""One known camera path, and files of it in the schema of each SLAM system."""

from __future__ import annotations

import json
import pickle
import struct
from dataclasses import dataclass, replace
from pathlib import Path

import joblib
import numpy as np
import torch
from diffopt_cameras.configs import DroidConfig
from diffopt_core.host.registry import Registry
from diffopt_core.host.testing import make_clip
from scipy.spatial.transform import Rotation

FRAMES, SIZE, FOCAL = 40, (1280, 720), 1111.0
CENTRE = (652.0, 355.0)


@dataclass(frozen=True)
class Path7:
    """World to camera: ``R`` (T 3 3), ``t`` (T 3); the first camera is the world, as in SLAM."""

    R: np.ndarray
    t: np.ndarray

    @property
    def c2w(self):
        R = self.R.swapaxes(1, 2)
        return R, -np.einsum("tij,tj->ti", R, self.t)


def known_path(frames: int = FRAMES, seed: int = 0) -> Path7:
    """A smooth hand-held path: turns of up to half a radian, a walk of some metres."""
    rng = np.random.default_rng(seed)
    time = np.linspace(0, 1, frames)[:, None]
    waves = [rng.normal(size=(1, 3)) * np.sin(2 * np.pi * k * time + rng.uniform(0, 6, (1, 3))) / k for k in (1, 2, 3)]
    turn, place = 0.3 * (waves[0] + waves[1]), waves[1] + waves[2] + time * rng.normal(size=(1, 3)) * 3
    R = Rotation.from_rotvec(turn).as_matrix()
    R = R @ R[:1].swapaxes(1, 2)
    place = place - place[0]
    return Path7(R, -np.einsum("tij,tj->ti", R, place))


def pose7(R, t, flips=False):
    """tx ty tz qx qy qz qw; with ``flips`` every other quaternion has the other sign (the same rotation)."""
    q = Rotation.from_matrix(R).as_quat()
    q *= np.where(q[:, 3:] < 0, -1, 1)
    if flips:
        q[1::2] *= -1
    return np.concatenate([t, q], axis=1)


def matrices(R, t):
    T = np.tile(np.eye(4), (len(R), 1, 1))
    T[:, :3, :3], T[:, :3, 3] = R, t
    return T


def clip_of(frames: int = FRAMES, focal: float | None = None, size=SIZE):
    return replace(make_clip(frames), size=size, focal=focal, focal_from="--focal" if focal else "", camera=None)


def read(path: Path, clip=None, **options):
    """The trajectory that the component makes of a file."""
    clip = clip or clip_of(focal=FOCAL)
    config = DroidConfig(file=path, **options)
    from diffopt_cameras.droid.source import DroidCamera

    return DroidCamera(config, Registry().context()).trajectory(clip, clip.observations)


def write_droid(path, known):
    np.save(path, pose7(*known.c2w, flips=True).astype(np.float32))


def write_droid_npz(path, known):
    np.savez(path, traj_est=pose7(*known.c2w))


def write_wham(path, known):
    joblib.dump(pose7(*known.c2w, flips=True).astype(np.float32), path)


def write_gvhmr(path, known):
    torch.save(pose7(*known.c2w).astype(np.float32), path)


def write_simplevo(path, known):
    torch.save(matrices(known.R, known.t).astype(np.float32), path)


def write_dpvo(path, known):
    with open(path, "wb") as file:
        pickle.dump((pose7(*known.c2w), np.arange(len(known.R), dtype=np.float64)), file)


def write_dpvo_tum(path, known):
    rows = np.concatenate([np.arange(len(known.R))[:, None], pose7(*known.c2w)], axis=1)
    np.savetxt(path, rows, delimiter=" ")


def write_tum_seconds(path, known):
    rows = np.concatenate([np.arange(len(known.R))[:, None] / 30, pose7(*known.c2w)], axis=1)
    np.savetxt(path, rows, header="timestamp tx ty tz qx qy qz qw")


def write_kitti(path, known):
    np.savetxt(path, matrices(*known.c2w)[:, :3].reshape(-1, 12))


def write_tram(path, known):
    R, t = known.c2w
    camera = {"pred_cam_R": R.astype(np.float32), "pred_cam_T": t.astype(np.float32)}
    np.save(path, {**camera, "img_focal": FOCAL, "img_center": np.array(CENTRE)}, allow_pickle=True)


def write_slahmr(path, known):
    intrins = np.tile([FOCAL, FOCAL, *CENTRE], (len(known.R), 1))
    w2c = matrices(known.R, known.t).astype(np.float32)
    np.savez(path, height=SIZE[1], width=SIZE[0], focal=FOCAL, intrins=intrins, w2c=w2c)


def write_prompthmr(path, known):
    R, t = known.c2w
    camera = {"pred_cam_R": R, "pred_cam_T": t, "img_focal": FOCAL, "img_center": np.array(CENTRE)}
    joblib.dump({"camera": camera, "people": {}, "masks": None}, path)


def write_colmap(path, known):
    q = pose7(known.R, known.t)
    lines = ["# Image list"]
    for i, row in enumerate(q):
        numbers = " ".join(f"{v:.12g}" for v in (row[6], *row[3:6], *row[:3]))
        lines += [f"{i + 1} {numbers} 1 frame_{i:05d}.jpg", "10.5 20.5 -1" if i % 2 else ""]
    path.write_text("\n".join(lines) + "\n")
    camera = f"# Camera list\n1 PINHOLE {SIZE[0]} {SIZE[1]} {FOCAL} {FOCAL} {CENTRE[0]} {CENTRE[1]}\n"
    path.with_name("cameras.txt").write_text(camera)


def opengl(known) -> np.ndarray:
    """Camera to world, y up and z back."""
    R, t = known.c2w
    return matrices(R @ np.diag([1.0, -1.0, -1.0]), t)


def write_nerfstudio(path, known):
    frames = [
        {"file_path": f"images/frame_{i + 1:05d}.png", "transform_matrix": T.tolist()}
        for i, T in enumerate(opengl(known))
    ]
    lens = {"fl_x": FOCAL, "fl_y": FOCAL, "cx": CENTRE[0], "cy": CENTRE[1], "w": SIZE[0], "h": SIZE[1]}
    path.write_text(json.dumps({**lens, "frames": frames[::-1]}))


def write_arkit(path, known):
    """Matrices and intrinsics by columns."""
    K = [FOCAL, 0, 0, 0, FOCAL, 0, *CENTRE, 1]
    frames = [
        {"timestamp": 1e5 + i / 30, "transform": T.T.ravel().tolist(), "intrinsics": K}
        for i, T in enumerate(opengl(known))
    ]
    path.write_text(json.dumps(frames))


def write_colmap_binary(path, known, model=1, names="frame_{:05d}.jpg"):
    q = pose7(known.R, known.t)
    images = struct.pack("<Q", len(q))
    for i, row in enumerate(q):
        images += struct.pack("<i7di", i + 1, row[6], *row[3:6], *row[:3], 1) + names.format(i).encode() + b"\0"
        images += struct.pack("<Q", 1) + bytes(24)
    path.write_bytes(images)
    lens = struct.pack("<QiiQQ4d", 1, 1, model, *SIZE, FOCAL, FOCAL, *CENTRE)
    path.with_name("cameras.bin").write_bytes(lens)


def reconstruction(known, every=1, images=False):
    """DROID-SLAM's reconstruction with each ``every``-th frame (and the last) as a keyframe."""
    frames = len(known.R)
    keys = np.unique([*range(0, frames, every), frames - 1])
    share = np.sqrt(384 * 512 / (SIZE[0] * SIZE[1]))
    width, height = int(SIZE[0] * share), int(SIZE[1] * share)
    scale = np.array([width / SIZE[0], height / SIZE[1]] * 2)
    content = {
        "tstamps": torch.from_numpy(keys.astype(np.float32)),
        "poses": torch.from_numpy(pose7(known.R, known.t)[keys]).float(),
        "disps": torch.ones(len(keys), 2, 2),
        "intrinsics": torch.from_numpy(np.tile(np.array([FOCAL, FOCAL, *CENTRE]) * scale / 8, (len(keys), 1))).float(),
    }
    if images:
        content["images"] = torch.zeros(len(keys), 3, height // 8 * 8, width // 8 * 8, dtype=torch.uint8)
    return keys, content


def write_reconstruction(path, known):
    torch.save(reconstruction(known)[1], path)


def write_slahmr_json(path, known):
    R, t = np.diag([1.0, -1, -1]) @ known.R, known.t * (1, -1, -1)
    path.write_text(json.dumps({"rotation": R.reshape(-1, 9).tolist(), "translation": t.tolist(), "intrinsics": []}))


#: Format -> name of the file that the system gives it, writer, whether it holds the focal length.
WRITERS = {
    "droid": ("traj.npy", write_droid, False),
    "droid-npz": ("traj.npz", write_droid_npz, False),
    "droid-reconstruction": ("scene.pth", write_reconstruction, True),
    "dpvo": ("dpvo.pkl", write_dpvo, False),
    "dpvo-tum": ("result.txt", write_dpvo_tum, False),
    "wham": ("slam_results.pth", write_wham, False),
    "gvhmr": ("slam.pt", write_gvhmr, False),
    "simplevo": ("vo.pt", write_simplevo, False),
    "tram": ("camera.npy", write_tram, True),
    "slahmr": ("cameras.npz", write_slahmr, True),
    "prompthmr": ("results.pkl", write_prompthmr, True),
    "colmap-text": ("images.txt", write_colmap, True),
    "colmap-binary": ("images.bin", write_colmap_binary, True),
    "nerfstudio": ("transforms.json", write_nerfstudio, True),
    "arkit": ("arkit.json", write_arkit, True),
    "tum": ("traj_tum.txt", write_tum_seconds, False),
    "kitti": ("traj_kitti.txt", write_kitti, False),
}
