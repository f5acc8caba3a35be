"""What components say while they work: what their loggers warn of, kept for ``run.json``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class _Keeper(logging.Handler):
    def __init__(self, into: list[str]):
        super().__init__(logging.WARNING)
        self._into = into

    def emit(self, record: logging.LogRecord) -> None:
        if (message := record.getMessage()) not in self._into:
            self._into.append(message)


@contextmanager
def heard(into: list[str]) -> Iterator[list[str]]:
    """Add to ``into``, once each, what any logger warns of within the block."""
    root, keeper = logging.getLogger(), _Keeper(into)
    root.addHandler(keeper)
    try:
        yield into
    finally:
        root.removeHandler(keeper)
