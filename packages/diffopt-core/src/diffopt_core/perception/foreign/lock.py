"""A file lock, which the system releases when the holder dies."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ...common.output import PASSING

_log = logging.getLogger(__name__)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock on ``path`` for the block; waits while another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+b") as file:
        if not take(file):
            _log.warning("another run is building %s; waiting for it", path.stem, extra=PASSING)
            while not take(file):
                time.sleep(0.2)
        yield  # closing the file releases the lock


def take(file: IO[bytes]) -> bool:
    """Lock an open file until it is closed or its process dies; False where another process holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
