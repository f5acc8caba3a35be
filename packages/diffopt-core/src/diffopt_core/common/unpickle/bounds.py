"""How much a compressed file may become: bombs are told by what they announce, or by what comes out of them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Any file may become so many bytes; a larger one so many times its size.
ROOM, RATIO = 1 << 26, 32
#: Archives of arrays (masks, zeros) shrink more than streams of pickles; deflate can do 1032.
ARCHIVE_RATIO = 128


def check_archive(path: Path, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The parts of an archive. Raises ValueError for names that come twice and for more bytes than there may be.

    What an archive announces is all that :mod:`zipfile` ever gives out of it.
    """
    parts, size = archive.infolist(), path.stat().st_size
    if len({info.filename for info in parts}) < len(parts):
        raise ValueError("an archive in which a name comes twice")
    total, most = sum(info.file_size for info in parts), max(ROOM, ARCHIVE_RATIO * size)
    if total > most:
        raise ValueError(f"{size} bytes announce {total}; at most {most} are unpacked")
    return parts


def inflated(data: bytes, start: Callable[[], Any]) -> bytes:
    """``data`` unpacked by a decompressor of zlib's, bz2's or lzma's kind; members may follow one another.

    Raises ValueError where more comes out than may, EOFError where it is cut off, and the decompressor's own errors.
    """
    most, piece, out = max(ROOM, RATIO * len(data)), max(1 << 24, len(data)), bytearray()
    while data:
        unpack = start()
        while not unpack.eof:
            part = unpack.decompress(data, piece)
            out += part
            if len(out) > most:
                raise ValueError(f"it unpacks to more than {most} bytes")
            data = getattr(unpack, "unconsumed_tail", b"")
            if not part and not data and not unpack.eof:
                raise EOFError("it ends within compressed data")
        data = unpack.unused_data.lstrip(b"\0")
    return bytes(out)
