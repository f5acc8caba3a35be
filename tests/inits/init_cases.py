"""Synthetic people seen by a synthetic detector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.data.skeleton import JOINT
from diffopt_core.types import CameraTrajectory, Clip, Observations

SIZE, FOCAL, FPS = (1920, 1080), 1500.0, 30.0
#: x right, y down, z forward: somebody upright who faces the camera.
FACING = torch.diag(torch.tensor([1.0, -1.0, -1.0]))


def walk(frames: int, seed: int = 0, turn: float = 0.6) -> torch.Tensor:
    """Plausible local rotations ``[T 24 3 3]``: bent limbs that swing, a trunk that leans and twists a little."""
    draw = torch.Generator().manual_seed(seed)
    time = torch.arange(frames) / FPS
    values = torch.zeros(frames, 24, 3)

    def swing(low: float, high: float) -> torch.Tensor:
        phase = 6.28 * torch.rand(1, generator=draw)
        pace = 0.6 + 0.6 * torch.rand(1, generator=draw)
        return low + (high - low) * (0.5 + 0.5 * torch.sin(6.28 * pace * time + phase))

    for side, sign in (("left", 1.0), ("right", -1.0)):
        values[:, JOINT[f"{side}_hip"], 0] = swing(-0.9, 0.3)
        values[:, JOINT[f"{side}_hip"], 2] = sign * swing(0.0, 0.2)
        values[:, JOINT[f"{side}_knee"], 0] = swing(0.2, 1.3)
        values[:, JOINT[f"{side}_ankle"], 0] = swing(-0.2, 0.2)
        values[:, JOINT[f"{side}_shoulder"], 2] = -sign * swing(0.7, 1.2)
        values[:, JOINT[f"{side}_shoulder"], 1] = -sign * swing(-0.4, 0.4)
        values[:, JOINT[f"{side}_elbow"], 1] = -sign * swing(0.3, 1.4)
    for name in ("spine1", "spine2", "spine3"):
        values[:, JOINT[name], 0] = swing(0.0, 0.08)
        values[:, JOINT[name], 1] = swing(-0.06, 0.06)
    values[:, 0, 1] = swing(-turn, turn)
    pose = axis_angle_to_matrix(values)
    pose[:, 0] = FACING @ pose[:, 0]
    return pose


def seen(
    pose: torch.Tensor, rest, noise: float = 0.0, seed: int = 0, place=(0.3, 0.1, 4.5)
) -> tuple[Clip, torch.Tensor]:
    """The clip that a detector would give of a pose, and the true pelvis ``[T 3]``. ``noise``: m, 3D points."""
    frames = len(pose)
    time = torch.arange(frames) / FPS
    transl = torch.tensor(place) + torch.stack([0.4 * torch.sin(time), 0 * time, 0.5 * torch.cos(time)], -1)
    points = rest.pose(pose)[2]
    inside = points + transl.unsqueeze(1)
    pixels = inside[..., :2] / inside[..., 2:] * FOCAL + torch.tensor(SIZE) / 2
    middle = points[:, 23:25].mean(1, keepdim=True)
    draw = torch.Generator().manual_seed(seed)
    world = points - middle + noise * torch.randn(points.shape, generator=draw)
    pixels = pixels + noise * FOCAL / 4.5 * torch.randn(pixels.shape, generator=draw)
    ones = torch.ones(frames, 33, 1)
    observations = Observations(
        torch.cat([pixels, ones], -1), "blazepose33", torch.ones(frames, dtype=torch.bool),
        torch.cat([world, ones], -1), "blazepose33",
    )  # fmt: skip
    camera = CameraTrajectory(
        torch.eye(3).expand(frames, 3, 3), torch.zeros(frames, 3),
        torch.full((frames, 2), FOCAL), (torch.tensor(SIZE) / 2).expand(frames, 2),
    )  # fmt: skip
    return Clip("synthetic", None, FPS, SIZE, frames, observations, None, camera), transl


def write_drawn(folder: Path, rest, frames: int = 60, keys: bool = False) -> Path:
    """A landmarks file of a drawn person, with noise; with the key cameras of a mover, or the truth beside it."""
    pose = walk(frames, 3)
    noisy, transl = seen(pose, rest, noise=0.015)
    shown = noisy.observations
    arrays = {
        "fps": np.array(FPS), "image_size": np.array(SIZE), "layout": np.array("blazepose33"),
        "landmarks_2d": np.insert(shown.keypoints.numpy(), 2, 0, -1), "landmarks_world": shown.landmarks.numpy(),
        "focal_px": np.array(FOCAL),
    }  # fmt: skip
    if keys:
        names = np.array(["000000.jpg", f"{frames - 1:06d}.jpg"])
        centres = np.array([[0.0, 0, 0], [1.0, 0, 2.0]])
        arrays |= {"key_R": np.tile(np.eye(3), (2, 1, 1)), "key_C": centres, "key_names": names, "key_focal": FOCAL / 2}
    else:
        R, C = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), np.array([0.0, -4.0, 1.1])  # Z up, looks along +Y
        inside = (rest.pose(pose)[2] + transl.unsqueeze(1)).double().numpy()[:, 11:33]
        K = np.array([[FOCAL, 0, SIZE[0] / 2], [0, FOCAL, SIZE[1] / 2], [0, 0, 1]])
        truth = {"R_cw": np.tile(R, (frames, 1, 1)), "C": C, "K": K, "joint_ids": np.arange(11, 33)}
        np.savez(folder / "drawn.truth.npz", joints_world=inside @ R + C, **truth)
    np.savez(folder / "drawn.landmarks.npz", **arrays)
    return folder / "drawn.landmarks.npz"


def landmark_arrays(frames: int = 6, keys: bool = True) -> dict[str, np.ndarray]:
    """A small, whole landmarks file."""
    draw = np.random.default_rng(0)
    flat = np.concatenate([draw.uniform(100, 500, (frames, 33, 3)), np.ones((frames, 33, 1))], -1)
    world = np.concatenate([draw.uniform(-0.5, 0.5, (frames, 33, 3)), np.ones((frames, 33, 1))], -1)
    arrays: dict[str, np.ndarray] = {
        "fps": np.array(30.0), "image_size": np.array([1920, 1080]), "layout": np.array("blazepose33"),
        "landmarks_2d": flat.astype(np.float32), "landmarks_world": world.astype(np.float32),
        "focal_px": np.array(1500.0),
    }  # fmt: skip
    if keys:
        turn = axis_angle_to_matrix(torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.4, 0.0]])).numpy()
        arrays |= {
            "key_R": turn, "key_C": np.array([[0.0, 0, 0], [1.0, 0, 2.0]]),
            "key_names": np.array(["000001.jpg", "000003.jpg"]), "key_focal": np.array(700.0),
        }  # fmt: skip
    return arrays
