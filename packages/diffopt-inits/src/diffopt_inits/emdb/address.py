"""Where a sequence lies, and how a part of it is written: ``P8_62_outdoor_walk_data.pkl#100:200``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from diffopt_core.errors import BadInput

SUFFIX = "_data.pkl"
#: Files of a release: of a sequence's folder, of a participant's, of the whole.
_PATTERNS = (f"P[0-9]*{SUFFIX}", f"*/P[0-9]*{SUFFIX}", f"P[0-9]*/*/P[0-9]*{SUFFIX}")
_SPAN = re.compile(r"(\d*):(\d*)$")


@dataclass(frozen=True)
class Address:
    """A file or folder, and frames ``start`` to ``stop`` of it (None: all)."""

    path: Path
    start: int | None = None
    stop: int | None = None

    @property
    def is_part(self) -> bool:
        return self.start is not None or self.stop is not None

    @staticmethod
    def of(path: Path) -> Address:
        """From what the user typed. Raises BadInput for what follows ``#`` but is no ``START:STOP``."""
        if path.exists() or "#" not in path.name:
            return Address(path)
        name, _, span = path.name.rpartition("#")
        found = _SPAN.match(span)
        if not found or span == ":":
            raise BadInput(path, "frames", f"'{span}' is no part of a sequence; write START:STOP, such as #0:100")
        start, stop = (int(number) if number else None for number in found.groups())
        return Address(path.with_name(name), start or 0, stop)

    def part(self, start: int, stop: int) -> Path:
        """The address of some frames, as a path."""
        return self.path.with_name(f"{self.path.name}#{start}:{stop}")


def is_data_file(path: Path) -> bool:
    """Whether a file has the name and the first byte of a sequence's pickle."""
    if not (path.name.endswith(SUFFIX) and path.is_file()):
        return False
    with open(path, "rb") as file:
        return file.read(1) == b"\x80"  # protocol 2 and later, which numpy arrays are written in


def data_files(path: Path) -> list[Path]:
    """The pickles at a path: itself, or those of a sequence's, a participant's or the whole folder, in order."""
    if path.is_dir():
        found = next((files for pattern in _PATTERNS if (files := sorted(path.glob(pattern)))), [])
        return [file for file in found if is_data_file(file)]
    return [path] if is_data_file(path) else []


def sequence_name(file: Path) -> str:
    """``P8_62_outdoor_walk`` of its pickle's file name."""
    return file.name.removesuffix(SUFFIX)
