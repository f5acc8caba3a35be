"""What a part of the image is, and how a picture is put together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from diffopt_core.types import CameraTrajectory, map_tensors


@runtime_checkable
class Panel(Protocol):
    """A rectangle of the picture, ``size`` (width, height) px."""

    size: tuple[int, int]

    def images(self, frames: Sequence[int]) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8 for each of these frames of the clip, in their order."""
        ...


def camera_at(camera: CameraTrajectory, frame: int) -> CameraTrajectory:
    """The camera of one frame, on the CPU."""
    return map_tensors(camera, lambda value: value[frame].detach().cpu().float())


def over(drawn: np.ndarray, background: np.ndarray, opacity: float = 1.0) -> np.ndarray:
    """``drawn`` RGBA uint8 over ``background`` (H, W, 3), float in [0, 1] or uint8; gives uint8."""
    low = background.astype(np.float32) * (1.0 if background.dtype == np.uint8 else 255.0)
    touched = np.flatnonzero(drawn[..., 3])
    flat = low.reshape(-1, 3)
    some = drawn.reshape(-1, 4)[touched].astype(np.float32)
    flat[touched] += some[:, 3:] * (opacity / 255.0) * (some[:, :3] - flat[touched])
    return np.round(flat).astype(np.uint8).reshape(background.shape)


def fitted(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An image (H, W, 3) at another size."""
    if image.shape[1::-1] == size:
        return image
    from PIL import Image

    smooth = Image.Resampling.BOX if image.shape[1] > 1.9 * size[0] else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(image).resize(size, smooth))
