"""Write images: MP4 and GIF by PyAV, a PNG, a folder of PNGs. All writes are atomic."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import numpy as np
from diffopt_core.common.npz import atomic
from diffopt_core.errors import DiffOptError, MissingResource

if TYPE_CHECKING:
    import av


def write_png(image: np.ndarray, path: Path) -> dict[str, Any]:
    """Write a PNG. Raises DiffOptError if it cannot be written."""
    from PIL import Image

    with atomic(path) as file:
        Image.fromarray(image).save(file, format="png", optimize=True)
    return {"file": str(path), "frames": 1, "size": [image.shape[1], image.shape[0]]}


def write_folder(images: Iterator[np.ndarray], folder: Path, fps: float) -> dict[str, Any]:
    """``frame_000000.png`` and so on, in a folder written atomically. An existing folder must be empty."""
    from PIL import Image

    check_folder(folder)
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    count, size = 0, (0, 0)
    try:
        part.mkdir(parents=True)
        for image in images:
            Image.fromarray(image).save(part / f"frame_{count:06d}.png")
            count, size = count + 1, (image.shape[1], image.shape[0])
        os.replace(part, folder)
    except OSError as error:
        raise DiffOptError(f"{folder.parent}: cannot write {folder.name}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return {"file": str(folder), "frames": count, "fps": fps, "size": list(size)}


def check_folder(folder: Path) -> None:
    """Raises DiffOptError if the folder is not empty, as frames of two renderings would be mixed."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DiffOptError(f"{folder}: exists and is not an empty folder; give another --out, or remove it")


Form = Literal["mp4", "gif", "png", "folder"]
_SUFFIXES: dict[str, Form] = {".mp4": "mp4", ".gif": "gif", ".png": "png", "": "folder"}


@dataclass(frozen=True)
class Target:
    """The output ``path`` and its kind."""

    path: Path
    form: Form

    @staticmethod
    def of(path: Path) -> Target:
        """Raises DiffOptError for an unknown suffix, and for a path that cannot be written."""
        suffix = "" if path.is_dir() else path.suffix.lower()
        if suffix not in _SUFFIXES:
            raise DiffOptError(
                f"--out {path}: '{path.suffix}' is not supported; expected .mp4, .gif, .png, or a folder (no suffix)"
            )
        target = Target(path, _SUFFIXES[suffix])
        if target.form == "folder":
            check_folder(path)
        _check_place(path)
        return target


def _check_place(path: Path) -> None:
    """Check that the nearest existing folder is writable."""
    place = path.absolute().parent
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise DiffOptError(f"--out {path}: {place} is a file, not a folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise DiffOptError(f"--out {path}: the folder {place} cannot be written to")


log = logging.getLogger(__name__)
#: Encoders in order of preference: H.264; MPEG-4 part 2 plays in desktop players, but not in browsers.
_H264 = ("libx264", "libopenh264", "h264_videotoolbox", "h264_mf")
_OLD = "mpeg4"
#: Highest frame rate that GIF viewers respect.
GIF_FPS = 25.0
_COLOURS = 256


def write_mp4(images: Iterator[np.ndarray], path: Path, fps: float, crf: int) -> dict[str, Any]:
    """H.264, yuv420p, BT.709. ``crf``: 0 (no loss) to 51, of libx264. Returns facts about the file, plain data. Raises
    DiffOptError if the file cannot be written, MissingResource without an encoder.
    """
    encoder = _encoder()
    options = {"crf": str(crf), "preset": "fast"} if encoder == "libx264" else {}
    return _write(_even(images), path, fps, "mp4", encoder, options)


def write_gif(images: Iterator[np.ndarray], path: Path, fps: float) -> dict[str, Any]:
    """Write a GIF with one palette per frame, dithered."""
    return _write(images, path, fps, "gif", "gif", {})


def _encoder() -> str:
    import av.codec

    for name in _H264:
        if name in av.codec.codecs_available and _writes(name):
            return name
    if _writes(_OLD):
        log.warning("this build of PyAV has no H.264 encoder: written as MPEG-4, which browsers do not play; "
                    "the wheels of PyPI have one (pip install --only-binary av av)")  # fmt: skip
        return _OLD
    raise MissingResource("this build of PyAV has no encoder for MP4: pip install --only-binary av av, or --out x.gif")


def _writes(name: str) -> bool:
    import av.codec

    try:
        av.codec.Codec(name, "w")
    except ValueError:  # UnknownCodecError is one
        return False
    return True


def _write(
    images: Iterator[np.ndarray], path: Path, fps: float, container: str, encoder: str, options: dict[str, str]
) -> dict[str, Any]:
    import av

    count, size = 0, (0, 0)
    try:
        with atomic(path) as file, av.open(_Whole(file), "w", format=container) as target:
            stream = None
            for image in images:
                if stream is None:
                    size = (image.shape[1], image.shape[0])
                    stream = _stream(target, encoder, options, size, fps)
                frame = _paletted(image) if container == "gif" else _yuv(image)
                frame.pts = count
                target.mux(stream.encode(frame))
                count += 1
            if stream is None:
                raise DiffOptError(f"{path}: no frame to write")
            target.mux(stream.encode(None))
    except av.error.FFmpegError as error:
        raise DiffOptError(f"{path.parent}: cannot write {path.name}: {error.strerror or error}") from error
    return {"file": str(path), "frames": count, "fps": fps, "size": list(size), "encoder": encoder}


class _Whole:
    """A file object for PyAV. A failed write stops the encoder at once, not when its buffer is flushed."""

    def __init__(self, file: IO[bytes]):
        self.write, self.seek, self.tell = file.write, file.seek, file.tell


def _stream(target: Any, encoder: str, options: dict[str, str], size: tuple[int, int], fps: float) -> av.VideoStream:
    rate = Fraction(fps).limit_denominator(1001)
    stream: av.VideoStream = target.add_stream(encoder, rate=rate, options=options)
    stream.width, stream.height = size
    if encoder == "gif":
        stream.pix_fmt = "pal8"
        return stream
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.color_primaries = context.color_trc = context.colorspace = 1  # BT.709
    context.color_range = 1  # 16 to 235
    if encoder != "libx264":
        context.bit_rate = int(size[0] * size[1] * max(fps, 1.0) * 0.25)
    return stream


def _yuv(image: np.ndarray) -> Any:
    import av

    return av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
        format="yuv420p", dst_colorspace="ITU709", src_color_range="JPEG", dst_color_range="MPEG"
    )


def _paletted(image: np.ndarray) -> Any:
    import av
    from PIL import Image

    small = Image.fromarray(image).quantize(_COLOURS, dither=Image.Dither.FLOYDSTEINBERG)
    rgb = np.array(small.getpalette(), np.uint8).reshape(-1, 3)
    palette = np.zeros((_COLOURS, 4), np.uint8)  # alpha first
    palette[:, 0] = 255
    palette[: len(rgb), 1:] = rgb
    return av.VideoFrame.from_ndarray((np.asarray(small), palette), format="pal8")  # type: ignore[arg-type]


def _even(images: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """yuv420p shares colour between 2 x 2 px: an odd last row or column is repeated."""
    for number, image in enumerate(images):
        height, width = image.shape[:2]
        if height % 2 or width % 2:
            if not number:
                whole = f"{width + width % 2} x {height + height % 2}"
                log.warning("H.264 needs even sizes: %d x %d became %s by repeating the last row or column",
                            width, height, whole)  # fmt: skip
            image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        yield image
