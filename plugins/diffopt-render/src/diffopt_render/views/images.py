"""Panel: the input itself, and the place of an image within a panel of another shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from diffopt_core.perception.video import read_frames
from diffopt_core.types import CameraTrajectory, Video, map_tensors

from ..look.colours import EMPTY
from ..look.ground import plain
from ..look.marks import type_size, write_words
from .panel import fitted


@dataclass(frozen=True)
class Inset:
    """An image of ``inner`` px in a panel of ``size`` px, in its middle; ``scale``: px of the panel for one of the
    clip, in each direction."""

    size: tuple[int, int]
    inner: tuple[int, int]
    scale: tuple[float, float]

    @staticmethod
    def of(clip: tuple[int, int], size: tuple[int, int]) -> Inset:
        """As large as the panel lets it be. A px that rounding leaves over is filled by a stretch nobody sees."""
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
        """The inner image with what surrounds it."""
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
    """Images of the clip's ``frames`` at a size of their own."""
    some = replace(video, frames=tuple(video.frames[frame] for frame in frames))
    for image in read_frames(some, longest=max(size)):
        yield fitted(image, size)
