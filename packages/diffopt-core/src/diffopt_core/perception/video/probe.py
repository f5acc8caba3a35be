"""What a video file says of itself: streams, rate, rotation, focal length."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


VIDEO_SUFFIXES = frozenset({
    ".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mts", ".m2ts", ".ts", ".3gp", ".gif", ".wmv",
    ".flv",
})  # fmt: skip
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
#: Metadata of phones (Apple's key; others write a tag that ends alike), 35 mm equivalent.
_FOCAL_TAG = re.compile(r"focal.?length.*35.?mm", re.IGNORECASE)
#: Frame times off the even grid by this share of a frame pass as even (timestamps are rounded to a tick).
_JITTER = 0.25
#: Numbers that reach further than so many times the count of images are no numbers of frames.
_SPARSE = 3


@dataclass(frozen=True)
class Probe:
    """``times``: presentation time of each frame, s, increasing; for a folder of images, none are known (None).

    ``size``: width, height of the upright image. ``fps``: mean rate, None for images. ``even``: frames are evenly
    spaced. ``focal``: px, from metadata. ``missing``: frames of a folder that have no image. ``notes``: what the user
    should hear. ``length``: frames of the source as it was meant, more than ``count`` where its end does not decode:
    what others made of the whole has so many rows.
    """

    count: int
    size: tuple[int, int]
    rotation: int
    fps: float | None
    times: np.ndarray | None
    even: bool
    focal: float | None
    codec: str
    missing: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    length: int = 0


def probe(path: Path) -> Probe:
    """Read headers and packet times; where these say that some cannot be decoded, what decodes is counted.

    Raises BadInput for what is no video.
    """
    return _probe_folder(path) if path.is_dir() else _probe_file(path)


def images_in(folder: Path) -> list[Path]:
    """The images of a folder, in the order of their names (numbers as numbers)."""
    there = (path for path in folder.iterdir() if not path.name.startswith("."))  # other systems' notes on their files
    found = [path for path in there if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()]
    return sorted(found, key=lambda path: [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", path.name)])


def numbered_images(folder: Path) -> dict[int, Path]:
    """Images by the number of their frame: names' last numbers, from the first, in their common step; what lacks stays
    a gap. Names that are no such numbers (times, say) are counted."""
    images = images_in(folder)
    found = [re.search(r"(\d{1,15})\D*$", path.stem) for path in images]
    numbers = np.array([int(match[1]) for match in found if match])
    steps = np.diff(numbers)
    if len(numbers) == len(images) > 1 and (steps > 0).all():
        places = (numbers - numbers[0]) // math.gcd(*steps.tolist())
        if places[-1] < _SPARSE * len(images):
            return dict(zip(places.tolist(), images, strict=True))
    return dict(enumerate(images))


def decoded(container: Any) -> Iterator[Any]:
    """The frames of the first video stream in the order of display; a packet that cannot be decoded is passed over."""
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    for packet in container.demux(stream):
        with contextlib.suppress(OSError, ValueError):  # what FFmpeg raises derives from these
            yield from packet.decode()


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
            packets = [
                (float(packet.pts * packet.time_base), packet.is_keyframe, packet.is_corrupt)
                for packet in container.demux(stream)
                if packet.pts is not None and packet.time_base is not None and not packet.is_discard
            ]
            times = [time for time, _, _ in packets]
            codec, rate, said = stream.codec_context.name, stream.average_rate, stream.frames
            whole = bool(packets) and packets[0][1] and not any(corrupt for _, _, corrupt in packets)
        with av.open(str(path)) as container:
            first = next(decoded(container), None)
        notes: tuple[str, ...] = ()
        length = len(times)
        if first is not None and (not whole or said > len(packets)):
            times, notes, length = _decodable(path, sorted(times), max(said, len(packets)))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise BadInput(path, "video", f"cannot be decoded ({reason(error)})") from error
    if first is None or not times:
        raise BadInput(path, "video", "holds no frame that can be decoded")
    # FFmpeg counts counter-clockwise
    rotation = round(-(first.rotation or 0) / 90) * 90 % 360
    size = (first.height, first.width) if rotation % 180 else (first.width, first.height)
    when = np.sort(np.array(times))
    if first.interlaced_frame:
        notes = (*notes, f"{path}: interlaced; deinterlace it first (ffmpeg -vf bwdif), or edges of motion are doubled")
    fps, even = _rate(when, float(rate) if rate else None)
    return Probe(len(when), size, rotation, fps, when, even, _focal(tags, size), codec, notes=notes, length=length)


def _decodable(path: Path, shown: list[float], announced: int) -> tuple[list[float], tuple[str, ...], int]:
    """Times of the frames that decode, how many do not, and the length of the source. ``shown``: times of its
    packets, of which the first ones decode where the end alone is lost."""
    import av

    with av.open(str(path)) as container:
        times = [float(frame.time) for frame in decoded(container) if frame.time is not None]
    if len(times) == announced:
        return times, (), announced
    problem = f"{announced - len(times)} of {announced} frames cannot be decoded (cut off, or begun within a group)"
    first = bool(np.allclose(sorted(times), shown[: len(times)], atol=1e-3)) if len(times) <= len(shown) else False
    said = f"{path}: {problem}; the {len(times)} others are used, counted from the first of them"
    return times, (said,), announced if first else len(times)


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
    by_number = numbered_images(folder)
    count = max(by_number) + 1
    missing = tuple(number for number in range(count) if number not in by_number)
    notes: tuple[str, ...] = ()
    if missing:
        some = ", ".join(map(str, missing[:8])) + (", ..." if missing[8:] else "")
        notes = (
            f"{folder}: {len(missing)} of {count} frames have no image by their names ({some}); they are not seen",
        )
    codec = images[0].suffix[1:].lower()
    return Probe(count, size, rotation, None, None, True, focal, codec, missing, notes, count)


def reason(error: BaseException) -> str:
    """An error of a decoder in one line."""
    text = getattr(error, "strerror", None) or str(error)
    return str(text).splitlines()[0] if str(text) else type(error).__name__
