"""Frames of a clip, decoded one at a time, so memory does not depend on the length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ...errors import BadInput
from ...types import Video
from .decode import decoded, is_interlaced, whole
from .probe import numbered_images, reason

if TYPE_CHECKING:
    from PIL import Image


def reduced_size(size: tuple[int, int], longest: int | None) -> tuple[int, int]:
    """``size`` (width, height) scaled down to at most ``longest`` px on its longer side; both numbers even."""
    if longest is None or max(size) <= longest:
        return size
    share = longest / max(size)
    width, height = (max(2, round(side * share / 2) * 2) for side in size)
    return width, height


def read_frames(video: Video, longest: int | None = None) -> Iterator[np.ndarray]:
    """Yield every frame of ``video.frames``, RGB uint8 ``H W 3``, upright; scaled down to ``longest`` px if given.

    Raises BadInput if a frame cannot be decoded, or if the file ends before the last one.
    """
    wanted = list(video.frames)
    if not wanted:
        return
    width, height = reduced_size(video.size, longest)
    source = _from_folder(video) if video.path.is_dir() else _from_file(video, (width, height))
    position = 0
    for number, image in enumerate(source):
        while position < len(wanted) and wanted[position] == number:
            if image is not None and image.shape[:2] != (height, width):
                image = _resized(image, (width, height))
            assert image is not None
            yield image
            position += 1
        if position == len(wanted):
            return
    raise BadInput(
        video.path, "video", f"ends after frame {number + 1}, expected frame {wanted[position]}; is the file complete?"
    )


def _from_file(video: Video, size: tuple[int, int]) -> Iterator[np.ndarray | None]:
    """All frames of the file in order; None for frames that are not needed, which are decoded but not converted."""
    import av

    wanted = set(video.frames)
    width, height = size[::-1] if video.rotation % 180 else size
    turns = -(video.rotation // 90)  # numpy rotates counter-clockwise
    number = -1
    try:
        with av.open(str(video.path)) as container:
            frames = decoded(container)
            if is_interlaced(video.path):
                frames = whole(frames, container.streams.video[0])
            for frame in frames:
                number += 1
                if number not in wanted:
                    yield None
                    continue
                image = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
                yield np.ascontiguousarray(np.rot90(image, turns)) if turns else image
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise BadInput(video.path, f"frame {number + 1}", f"cannot be decoded ({reason(error)})") from error


def _from_folder(video: Video) -> Iterator[np.ndarray | None]:
    from PIL import Image, ImageOps

    wanted = set(video.frames)
    images = numbered_images(video.path)
    path = images[0]
    for number in range(max(images) + 1):
        path = images.get(number, path)  # a frame without an image shows the previous one
        if number not in wanted:
            yield None
            continue
        try:
            with Image.open(path) as image:
                array = _eight_bits(ImageOps.exif_transpose(image))
        except (OSError, ValueError, SyntaxError) as error:
            raise BadInput(path, "image", f"cannot be decoded ({reason(error)})") from error
        if array.shape[1::-1] != video.size:
            raise BadInput(
                path, "size", f"is {array.shape[1]} x {array.shape[0]}; expected {video.size}, as the first image"
            )
        yield array


def _eight_bits(image: Image.Image) -> np.ndarray:
    """RGB uint8; grey images of 16 bits, which Pillow would clip, are scaled."""
    if not image.mode.startswith("I"):
        return np.asarray(image.convert("RGB"))
    grey = np.asarray(image, np.int64)
    return np.repeat((grey // 257 if grey.max() > 255 else grey).clip(0, 255).astype(np.uint8)[..., None], 3, -1)


def _resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))
