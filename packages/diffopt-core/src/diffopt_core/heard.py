"""What components say while they work: the warnings of their loggers, kept for ``run.json``."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class _Keeper(logging.Handler):
    def __init__(self, into: list[str]):
        super().__init__(logging.WARNING)
        self._into = into

    def emit(self, record: logging.LogRecord) -> None:
        if (message := record.getMessage()) not in self._into:
            self._into.append(message)


@contextmanager
def heard(packages: Iterable[str], into: list[str]) -> Iterator[list[str]]:
    """Add to ``into``, once each, what loggers of these packages warn of within the block."""
    keeper, loggers = _Keeper(into), [logging.getLogger(name) for name in packages]
    for logger in loggers:
        logger.addHandler(keeper)
    try:
        yield into
    finally:
        for logger in loggers:
            logger.removeHandler(keeper)
