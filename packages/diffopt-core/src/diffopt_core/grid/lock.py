"""The same grid is not run twice at once. The system lifts the lock when its holder dies, however it dies."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DiffOptError
from ..foreign.lock import take

NAME = "grid.lock"


@contextmanager
def only_one(out: Path) -> Iterator[None]:
    """Hold ``out`` for the block; DiffOptError names the process that holds it already."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        file = open(out / NAME, "a+b")  # noqa: SIM115 (held for the block)
    except OSError as error:
        raise DiffOptError(f"{out}: cannot be written ({error.strerror}); choose another folder with --out") from error
    with file:
        if not take(file):
            raise DiffOptError(f"{out}: this grid is being run already{_holder(out)}; wait for it or stop it")
        file.truncate(0)
        file.write(json.dumps({"process": os.getpid(), "host": socket.gethostname(), "since": time.time()}).encode())
        file.flush()
        yield


def _holder(out: Path) -> str:
    try:
        held = json.loads((out / NAME).read_text())
        since = time.strftime("%H:%M:%S", time.localtime(held["since"]))
        return f" by process {held['process']} on {held['host']}, since {since}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
