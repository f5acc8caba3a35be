"""Small videos of a known camera: textured planes, drawn by homographies, and written as a folder of images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from diffopt_core.types import Clip, Observations, Video
from scipy.spatial.transform import Rotation

SIZE = (384, 216)
FOCAL = 330.0
FPS = 12.0


@dataclass(frozen=True)
class Plane:
    """A picture at depth ``z`` whose middle is at ``x``, ``y``; ``width`` across, metres."""

    x: float
    y: float
    z: float
    width: float
    seed: int


#: A wall, and boards before it at several depths.
SCENE = (
    Plane(0, 0, 14, 60, 1),
    Plane(-3.2, -0.6, 9, 3, 2),
    Plane(3.0, 0.9, 8, 3, 3),
    Plane(0.6, -1.3, 7, 2, 4),
    Plane(-1.7, 1.0, 6, 2, 5),
    Plane(1.9, -0.9, 5, 1.4, 6),
)


@cache
def texture(seed: int, side: int) -> np.ndarray:
    """Blobs of several sizes, grey."""
    rng = np.random.default_rng(seed)
    out = np.zeros((side, side))
    for cell in (4, 8, 24):
        noise = rng.normal(size=(side // cell + 2, side // cell + 2))
        out += cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip(120 + 45 * out, 20, 255).astype(np.uint8)


def intrinsics(size: tuple[int, int] = SIZE, focal: float = FOCAL) -> np.ndarray:
    # pixel (0, 0) of an array is at (0.5, 0.5) of the image
    return np.array([[focal, 0, size[0] / 2 - 0.5], [0, focal, size[1] / 2 - 0.5], [0, 0, 1]])


def render(R: np.ndarray, t: np.ndarray, scene=SCENE, size=SIZE, focal: float = FOCAL) -> np.ndarray:
    """One grey image from the camera ``x_cam = R x + t``."""
    image = np.zeros(size[::-1], np.uint8)
    for plane in scene:
        side = 1000 if plane.width > 20 else 200
        scale = plane.width / side
        # px of the texture -> world -> camera -> px of the image
        to_world = np.array(
            [[scale, 0, plane.x - plane.width / 2], [0, scale, plane.y - plane.width / 2], [0, 0, plane.z], [0, 0, 1]]
        )
        H = intrinsics(size, focal) @ np.concatenate([R, t[:, None]], 1) @ to_world
        warped = cv2.warpPerspective(texture(plane.seed, side), H, size, flags=cv2.INTER_LINEAR)
        cover = cv2.warpPerspective(np.full((side, side), 255, np.uint8), H, size, flags=cv2.INTER_NEAREST)
        image = np.where(cover > 0, warped, image)
    return image


def pan(frames: int, degrees: float) -> np.ndarray:
    """A turn to the right, upwards a little and about the axis of view a little, eased."""
    share = np.linspace(0, 1, frames)
    ease = share + 0.1 * np.sin(6 * share)
    return Rotation.from_rotvec(np.radians(degrees) * ease[:, None] * np.array([0.25, -1.0, 0.1])).as_matrix()


def slide(frames: int, to: tuple[float, float, float]) -> np.ndarray:
    """Camera centres from 0 to ``to``, with a little sway."""
    share = np.linspace(0, 1, frames)
    return share[:, None] * np.array(to) + 0.02 * np.sin(9 * share)[:, None] * np.array([0.0, 1.0, 0.0])


def film(folder: Path, images: list[np.ndarray], focal: float | None = FOCAL, seed: int = 0) -> Clip:
    """Images (grey) with some noise as a clip; ``focal`` as the user would give it."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for number, image in enumerate(images):
        noisy = np.clip(image + rng.normal(0, 1.0, image.shape), 0, 255).astype(np.uint8)
        noisy[image == 0] = 0
        cv2.imwrite(str(folder / f"{number:04d}.png"), noisy)
    size = (images[0].shape[1], images[0].shape[0])
    return Clip(
        name="film",
        path=folder,
        fps=FPS,
        size=size,
        num_frames=len(images),
        video=Video(folder, tuple(range(len(images))), size),
        focal=focal,
        focal_from="told by the test" if focal else "",
    )


def nobody(clip: Clip) -> Observations:
    """No person anywhere."""
    return Observations(torch.zeros(clip.num_frames, 17, 3), "coco17", torch.zeros(clip.num_frames, dtype=torch.bool))


def degrees_apart(found: torch.Tensor, true: np.ndarray) -> np.ndarray:
    """Angle of each frame, both relative to their first, degrees."""
    a = found.double().numpy()
    a, b = a @ a[0].T, true @ true[0].T
    return np.degrees(Rotation.from_matrix(a @ b.swapaxes(-1, -2)).magnitude())
