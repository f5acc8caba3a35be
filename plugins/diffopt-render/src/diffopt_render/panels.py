"""Panels: the protocol, the input video, and panels side by side, also of several results."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from diffopt_core.perception.video import read_frames
from diffopt_core.types import CameraTrajectory, Video, map_tensors

from .ground import EMPTY, plain
from .marks import type_size, write_words


@runtime_checkable
class Panel(Protocol):
    """A rectangle of the output image, ``size`` (width, height) px."""

    size: tuple[int, int]

    def images(self, frames: Sequence[int]) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8 for each of these frames of the clip, in order."""
        ...


def camera_at(camera: CameraTrajectory, frame: int) -> CameraTrajectory:
    """The camera of one frame, on the CPU."""
    return map_tensors(camera, lambda value: value[frame].detach().cpu().float())


def over(drawn: np.ndarray, background: np.ndarray, opacity: float = 1.0) -> np.ndarray:
    """``drawn`` RGBA uint8 over ``background`` (H, W, 3), float in [0, 1] or uint8; returns uint8."""
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


class BesidePanel:
    """Panels of one height, from left to right."""

    def __init__(self, panels: Sequence[Panel]):
        self._panels = list(panels)
        self.size = (sum(panel.size[0] for panel in panels), panels[0].size[1])

    def images(self, frames: Sequence[int]) -> Iterator[np.ndarray]:
        """See :class:`.panel.Panel`."""
        for parts in zip(*(panel.images(frames) for panel in self._panels), strict=True):
            yield joined(parts)


def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Images of one height side by side, with a seam between them."""
    whole = np.concatenate(parts, axis=1)
    seams = np.cumsum([part.shape[1] for part in parts])[:-1]
    whole[:, np.concatenate([seams - 1, seams])] = 255
    return whole


def tiled(parts: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Images of one size as one grid, row by row; unused cells stay dark."""
    height, width = parts[0].shape[:2]
    rows = math.ceil(len(parts) / columns)
    whole = plain((columns * width, rows * height), EMPTY)
    for number, part in enumerate(parts):
        top, left = number // columns * height, number % columns * width
        whole[top : top + height, left : left + width] = part
    return whole


def together(streams: Sequence[Iterator[np.ndarray]], columns: int) -> Iterator[np.ndarray]:
    """Images of several results; a shorter one keeps its last image."""
    last: list[np.ndarray | None] = [None] * len(streams)
    while True:
        new = [next(stream, None) for stream in streams]
        if all(image is None for image in new):
            return
        last = [image if image is not None else old for image, old in zip(new, last, strict=True)]
        yield tiled([image for image in last if image is not None], columns)


@dataclass(frozen=True)
class Inset:
    """An image of ``inner`` px centred in a panel of ``size`` px; ``scale``: px of the panel per px of the clip, in
    each direction."""

    size: tuple[int, int]
    inner: tuple[int, int]
    scale: tuple[float, float]

    @staticmethod
    def of(clip: tuple[int, int], size: tuple[int, int]) -> Inset:
        """The largest fit. A px left over by rounding is filled by an invisible stretch."""
        share = min(size[0] / clip[0], size[1] / clip[1])
        wide, high = (
            whole if whole - share * side < 2 else round(share * side) for side, whole in zip(clip, size, strict=True)
        )
        return Inset(size, (wide, high), (wide / clip[0], high / clip[1]))

    @property
    def corner(self) -> tuple[int, int]:
        return (self.size[0] - self.inner[0]) // 2, (self.size[1] - self.inner[1]) // 2

    def camera(self, camera: CameraTrajectory) -> CameraTrajectory:
        """A camera of the clip as one of the inner image."""
        scale = map_tensors(camera.focal, lambda value: value.new_tensor(self.scale))
        return replace(camera, focal=camera.focal * scale, centre=camera.centre * scale)

    def placed(self, image: np.ndarray) -> np.ndarray:
        """The inner image with its border."""
        if self.inner == self.size:
            return image
        whole = plain(self.size, EMPTY)
        left, top = self.corner
        whole[top : top + self.inner[1], left : left + self.inner[0]] = image
        return whole


class InputPanel:
    """Frames of the video."""

    def __init__(self, video: Video, size: tuple[int, int], title: str = ""):
        self.size, self._video, self._title = size, video, title
        self._inset = Inset.of(video.size, size)

    def images(self, frames: Sequence[int]) -> Iterator[np.ndarray]:
        """See :class:`.panel.Panel`."""
        for image in frames_of(self._video, frames, self._inset.inner):
            whole = np.array(self._inset.placed(image))
            if self._title:
                write_words(whole, self._title, "top", type_size(self.size), light=True)
            yield whole


def frames_of(video: Video, frames: Sequence[int], size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Images of the clip's ``frames``, resized."""
    some = replace(video, frames=tuple(video.frames[frame] for frame in frames))
    for image in read_frames(some, longest=max(size)):
        yield fitted(image, size)
