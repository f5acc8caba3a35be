"""What a video file says of itself: streams, rate, rotation, focal length."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import BadInput, DiffOptError

#: Diagonal of a 35 mm film frame, mm: what "35 mm equivalent" refers to (CIPA DCG-001).
FILM_DIAGONAL = 43.267
_PATTERN = re.compile(r"^\s*([0-9]*\.?[0-9]+)\s*(px|mm|deg|fov)?\s*$", re.IGNORECASE)


def focal_pixels(text: str, size: tuple[int, int]) -> float:
    """Focal length in px of an image of ``size`` (width, height).

    ``1200px`` or ``1200``: pixels of the upright image. ``28mm``: 35 mm equivalent, by the diagonal. ``65deg`` or
    ``65fov``: field of view along the longer side. Raises DiffOptError for anything else.
    """
    found = _PATTERN.match(text)
    if not found:
        raise DiffOptError(f"--focal {text}: expected a length such as 1200px, 28mm (35 mm equivalent) or 65deg")
    value, unit = float(found[1]), (found[2] or "px").lower()
    if unit == "px":
        pixels = value
    elif unit == "mm":
        pixels = value * math.hypot(*size) / FILM_DIAGONAL
    elif 0 < value < 180:
        pixels = max(size) / 2 / math.tan(math.radians(value) / 2)
    else:
        raise DiffOptError(f"--focal {text}: a field of view lies between 0 and 180 degrees")
    if not 0.1 * max(size) <= pixels <= 100 * max(size):
        raise DiffOptError(
            f"--focal {text}: {pixels:.0f} px is no focal length of a {size[0]} x {size[1]} image; "
            "is the unit meant (px, mm, deg)?"
        )
    return pixels


VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mts", ".3gp"})
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
#: Metadata of phones (Apple's key; others write a tag that ends alike), 35 mm equivalent.
_FOCAL_TAG = re.compile(r"focal.?length.*35.?mm", re.IGNORECASE)
#: Frame times off the even grid by this share of a frame pass as even (timestamps are rounded to a tick).
_JITTER = 0.25


@dataclass(frozen=True)
class Probe:
    """``times``: presentation time of each frame, s, increasing; for a folder of images, none are known (None).

    ``size``: width, height of the upright image. ``fps``: mean rate, None for images. ``even``: frames are evenly
    spaced. ``focal``: px, from metadata.
    """

    count: int
    size: tuple[int, int]
    rotation: int
    fps: float | None
    times: np.ndarray | None
    even: bool
    focal: float | None
    codec: str


def probe(path: Path) -> Probe:
    """Read headers and packet times (no frame but the first is decoded). Raises BadInput for what is no video."""
    return _probe_folder(path) if path.is_dir() else _probe_file(path)


def images_in(folder: Path) -> list[Path]:
    """The images of a folder, in the order of their names (numbers as numbers)."""
    found = [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()]
    return sorted(found, key=lambda path: [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", path.name)])


def _probe_file(path: Path) -> Probe:
    import av

    if path.stat().st_size == 0:
        raise BadInput(path, "file", "is empty (0 bytes)")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise BadInput(path, "video", "the file holds no video stream")
            stream = container.streams.video[0]
            tags = {**container.metadata, **stream.metadata}
            times = [
                float(packet.pts * packet.time_base)
                for packet in container.demux(stream)
                if packet.pts is not None and packet.time_base is not None and not packet.is_discard
            ]
            codec, rate = stream.codec_context.name, stream.average_rate
        with av.open(str(path)) as container:
            first = next(container.decode(video=0), None)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise BadInput(path, "video", f"cannot be decoded ({reason(error)})") from error
    if first is None or not times:
        raise BadInput(path, "video", "holds no frame that can be decoded")
    # FFmpeg counts counter-clockwise
    rotation = round(-(first.rotation or 0) / 90) * 90 % 360
    size = (first.height, first.width) if rotation % 180 else (first.width, first.height)
    when = np.sort(np.array(times))
    fps, even = _rate(when, float(rate) if rate else None)
    return Probe(len(when), size, rotation, fps, when, even, _focal(tags, size), codec)


def _rate(times: np.ndarray, said: float | None) -> tuple[float | None, bool]:
    """Mean frame rate and whether the frames are evenly spaced."""
    if len(times) < 2 or times[-1] <= times[0]:
        return said, True
    mean = (len(times) - 1) / (times[-1] - times[0])
    fps = said if said and abs(said / mean - 1) < 0.01 else mean
    grid = times[0] + np.arange(len(times)) / fps
    return fps, bool(np.abs(times - grid).max() * fps < _JITTER) or bool(np.ptp(np.diff(times)) * fps < _JITTER)


def _focal(tags: dict[str, str], size: tuple[int, int]) -> float | None:
    for key, value in tags.items():
        if _FOCAL_TAG.search(key):
            number = re.search(r"[0-9.]+", str(value))
            if number and 5 <= float(number[0]) <= 1000:
                return focal_pixels(f"{number[0]}mm", size)
    return None


def _probe_folder(folder: Path) -> Probe:
    from PIL import ExifTags, Image

    images = images_in(folder)
    if not images:
        raise BadInput(folder, "folder", "holds no image")
    try:
        with Image.open(images[0]) as image:
            exif = image.getexif()
            turned = exif.get(ExifTags.Base.Orientation, 1)
            width, height = image.size
            mm = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.FocalLengthIn35mmFilm)
    except (OSError, ValueError, SyntaxError) as error:
        raise BadInput(images[0], "image", f"cannot be decoded ({reason(error)})") from error
    rotation = {6: 90, 3: 180, 8: 270}.get(turned, 0)
    size = (height, width) if rotation % 180 else (width, height)
    focal = focal_pixels(f"{float(mm)}mm", size) if mm and 5 <= float(mm) <= 1000 else None
    return Probe(len(images), size, rotation, None, None, True, focal, images[0].suffix[1:].lower())


def reason(error: BaseException) -> str:
    """An error of a decoder in one line."""
    text = getattr(error, "strerror", None) or str(error)
    return str(text).splitlines()[0] if str(text) else type(error).__name__
