"""What people save or name in place of a file: recognised by its first bytes, so that it can be said."""

from __future__ import annotations

from pathlib import Path

from ..errors import BadInput

#: Where the mark stands, the mark, what the file is.
_MARKS = (
    (0, b"version https://git-lfs", "a Git LFS pointer"),
    (0, b"<", "a web page"),
    (0, b"\x89PNG", "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"GIF8", "a GIF image"),
    (4, b"ftyp", "a video or picture (MP4, MOV, HEIC)"),
    (0, b"\x1aE\xdf\xa3", "a video (Matroska, WebM)"),
    (0, b"RIFF", "a video or sound (AVI, WAV)"),
    (0, b"%PDF", "a PDF"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"7z\xbc\xaf", "a 7z archive: unpack it"),
    (0, b"Rar!", "a RAR archive: unpack it"),
    (257, b"ustar", "a tar archive: unpack it"),
    (0, b"\x7fELF", "a program"),
    (0, b"SQLite", "a database"),
)


def what_is(path: Path) -> str | None:
    """What a file is that no reader of motion, cameras or keypoints reads; None for any other."""
    with open(path, "rb") as file:
        start = file.read(512)
    text = start.lstrip()
    for at, mark, what in _MARKS:
        if start[at:].startswith(mark) or (at == 0 and text.startswith(mark)):
            return what
    return None


def refuse_others(path: Path) -> None:
    """Raise BadInput for a file that is empty or something else altogether."""
    if path.stat().st_size == 0:
        raise BadInput(path, "content", "the file is empty (zero bytes)")
    if what := what_is(path):
        raise BadInput(path, "content", f"is {what}, not the file itself")
