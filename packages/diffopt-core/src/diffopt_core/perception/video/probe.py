"""Metadata of video files: streams, frame rate, rotation, focal length."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import BadInput, DiffOptError
from .decode import decoded, is_interlaced

#: Diagonal of a 35 mm film frame, mm, which defines "35 mm equivalent" (CIPA DCG-001).
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
        raise DiffOptError(f"--focal {text}: expected a field of view between 0 and 180 degrees")
    if not 0.1 * max(size) <= pixels <= 100 * max(size):
        raise DiffOptError(
            f"--focal {text}: {pixels:.0f} px is not plausible for a {size[0]} x {size[1]} image; "
            "is the unit right (px, mm, deg)?"
        )
    return pixels


VIDEO_SUFFIXES = frozenset({
    ".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mts", ".m2ts", ".ts", ".3gp", ".gif", ".wmv",
    ".flv",
})  # fmt: skip
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
#: Where a focal length is from that a file's metadata state.
METADATA = "the video's metadata"
#: Metadata key of phones for the 35 mm equivalent (Apple's; other makers use keys with the same ending).
_FOCAL_TAG = re.compile(r"focal.?length.*35.?mm", re.IGNORECASE)
#: Frame times within this share of a frame from an even grid count as even (timestamps are rounded to ticks).
_JITTER = 0.25
#: Transfer characteristics (ITU-T H.273) of pictures with a high dynamic range.
_HDR = {16: "PQ", 18: "HLG"}
#: If the numbers in image names exceed this multiple of the image count, they are not frame numbers.
_SPARSE = 3


@dataclass(frozen=True)
class Probe:
    """``times``: presentation time of each frame, s, increasing; None for a folder of images. ``size``: width, height
    of the upright image, in square pixels. ``fps``: mean rate, None for images. ``even``: frames are evenly spaced.
    ``focal``: px, from metadata. ``missing``: frame numbers of a folder without an image. ``notes``: warnings for the
    user. ``length``: frames of the complete source, more than ``count`` if its end cannot be decoded; results of other
    programs may have that many rows.
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
    """Read headers and packet times; if some packets look undecodable, the file is decoded to count its frames.

    Raises BadInput if the path is not a video.
    """
    return _probe_folder(path) if path.is_dir() else _probe_file(path)


def images_in(folder: Path) -> list[Path]:
    """The images of a folder, in the order of their names (numbers as numbers)."""
    there = (path for path in folder.iterdir() if not path.name.startswith("."))  # hidden files of other systems
    found = [path for path in there if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()]
    return sorted(found, key=lambda path: [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", path.name)])


def numbered_images(folder: Path) -> dict[int, Path]:
    """Images by frame number: the last number in the name, relative to the first image, divided by the common step;
    missing numbers are gaps. If the names hold no frame numbers (times, for example), images are counted."""
    images = images_in(folder)
    found = [re.search(r"(\d{1,15})\D*$", path.stem) for path in images]
    numbers = np.array([int(match[1]) for match in found if match])
    steps = np.diff(numbers)
    if len(numbers) == len(images) > 1 and (steps > 0).all():
        places = (numbers - numbers[0]) // math.gcd(*steps.tolist())
        if places[-1] < _SPARSE * len(images):
            return dict(zip(places.tolist(), images, strict=True))
    return dict(enumerate(images))


def _probe_file(path: Path) -> Probe:
    import av

    if path.stat().st_size == 0:
        raise BadInput(path, "file", "is empty (0 bytes); expected a video")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise BadInput(path, "video", "the file has no video stream")
            stream = container.streams.video[0]
            tags = {**container.metadata, **stream.metadata}
            packets = [
                (float(packet.pts * packet.time_base), packet.is_keyframe, packet.is_corrupt)
                for packet in container.demux(stream)
                if packet.pts is not None and packet.time_base is not None and not packet.is_discard
            ]
            times = [time for time, _, _ in packets]
            wide = float(stream.sample_aspect_ratio or 1) or 1.0
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
        raise BadInput(path, "video", "has no frame that can be decoded")
    # FFmpeg's angle is counter-clockwise
    rotation = round(-(first.rotation or 0) / 90) * 90 % 360
    width, height = round(first.width * wide / 2) * 2 if wide != 1 else first.width, first.height
    size = (height, width) if rotation % 180 else (width, height)
    when = np.sort(np.array(times))
    if wide != 1:
        pixels = f"its pixels are not square ({wide:.4g} times as wide as high)"
        notes = (*notes, f"{path}: {pixels}: read as {size[0]} x {size[1]}")
    if first.color_trc in _HDR:
        notes = (
            *notes,
            f"{path}: HDR ({_HDR[first.color_trc]}), read without tone mapping, so the images are flat and people are "
            "found less well; convert it first (ffmpeg -vf zscale=t=linear,tonemap=hable,zscale=t=bt709)",
        )
    if is_interlaced(path):
        notes = (*notes, f"{path}: the video is interlaced; each picture is made whole from its fields (bwdif)")
    fps, even = _rate(when, float(rate) if rate else None)
    return Probe(len(when), size, rotation, fps, when, even, _focal(tags, size), codec, notes=notes, length=length)


def _decodable(path: Path, shown: list[float], announced: int) -> tuple[list[float], tuple[str, ...], int]:
    """Times of the frames that can be decoded, a warning about the others, and the length of the source. ``shown``:
    times of its packets; if only the end is lost, the first ones can be decoded."""
    import av

    with av.open(str(path)) as container:
        times = [float(frame.time) for frame in decoded(container) if frame.time is not None]
    if len(times) == announced:
        return times, (), announced
    problem = (
        f"{announced - len(times)} of {announced} frames cannot be "
        "decoded (truncated file, or missing key frame at the start)"
    )
    first = bool(np.allclose(sorted(times), shown[: len(times)], atol=1e-3)) if len(times) <= len(shown) else False
    said = f"{path}: {problem}; the {len(times)} others are used, numbered from 0"
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
            f"{folder}: {len(missing)} of {count} frames have no image, by the "
            f"numbers in the names ({some}); they count as frames without the person",
        )
    codec = images[0].suffix[1:].lower()
    return Probe(count, size, rotation, None, None, True, focal, codec, missing, notes, count)


def reason(error: BaseException) -> str:
    """A decoder's error in one line."""
    text = getattr(error, "strerror", None) or str(error)
    return str(text).splitlines()[0] if str(text) else type(error).__name__
