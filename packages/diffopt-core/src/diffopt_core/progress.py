"""Progress of long work before the solve (decoding, detection, camera): silent unless somebody shows it.

    with track("mediapipe", total=180) as update:
        update(12)

The command line switches a display on; a library user's terminal stays untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

#: Says how much is done so far.
Update = Callable[[int], None]
Display = Callable[[str, int | None], AbstractContextManager[Update]]

_display: list[Display] = []


@contextmanager
def track(title: str, total: int | None = None) -> Iterator[Update]:
    """Report progress under ``title``; ``total`` None where it is not known."""
    if not _display:
        yield lambda done: None
        return
    with _display[-1](title, total) as update:
        yield update


@contextmanager
def shown(display: Display) -> Iterator[None]:
    """Progress goes to ``display`` inside this context."""
    _display.append(display)
    try:
        yield
    finally:
        _display.pop()
