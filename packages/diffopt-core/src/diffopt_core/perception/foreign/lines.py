"""The last lines of a child's standard error."""

from __future__ import annotations

import logging
import threading
from collections import deque
from contextlib import suppress
from typing import IO

from ...common.places import cache_folder

_log = logging.getLogger(__name__)
#: Number of lines kept, and number of lines quoted in an error.
KEPT, QUOTED = 2000, 3


class Tail:
    """Reads ``pipe`` to its end in a thread and keeps the last lines."""

    def __init__(self, pipe: IO[bytes] | None):
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def _read(self, pipe: IO[bytes] | None) -> None:
        with suppress(OSError, ValueError):  # closed by another thread
            for line in pipe or ():
                text = line.decode(errors="replace").rstrip().rpartition("\r")[2]
                if text:
                    self._lines.append(text)
                    _log.debug("%s", text)

    def join(self) -> None:
        # a process started by the child may keep the pipe open
        self._thread.join(timeout=2.0)

    def last(self) -> str:
        """The last lines, joined to one."""
        return " | ".join(line.strip() for line in list(self._lines)[-QUOTED:])[-400:]

    def keep(self, name: str) -> str:
        """Write all kept lines to the cache folder; returns text with the path, to append to an error."""
        path = cache_folder() / "logs" / f"{name}.txt"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(self._lines) + "\n")
        except OSError:
            return ""
        return f" (its full output: {path})"
