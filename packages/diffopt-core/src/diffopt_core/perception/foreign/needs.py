"""Requirements of an external script on its environment."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Needs:
    """``packages`` are installed with their dependencies, then ``no_deps`` without (both pip requirements). ``python``:
    supported versions, ``"3.12"`` or a range ``"3.9-3.12"`` (inclusive); empty for any. ``modules`` must be importable
    in the environment; otherwise the error says ``how`` to install them by hand. ``size``: of the environment on disk,
    for the notice before it is built.
    """

    name: str
    packages: tuple[str, ...] = ()
    no_deps: tuple[str, ...] = ()
    python: str = ""
    modules: tuple[str, ...] = ()
    how: str = ""
    size: str = ""

    def fits(self, version: tuple[int, int]) -> bool:
        """Whether a Python version (major, minor) is supported."""
        if not self.python:
            return True
        low, high = self._range()
        return low <= version <= high

    def python_request(self) -> str:
        """The supported versions as a request to uv, such as ``>=3.9,<3.13``."""
        if not self.python:
            return ">=3.9"
        (major, low), (_, high) = self._range()
        return f">={major}.{low},<{major}.{high + 1}"

    def key(self, version: str) -> str:
        """Name of the environment for these packages and a Python version."""
        text = "\n".join((version, *sorted(self.packages), "--no-deps", *sorted(self.no_deps)))
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def _range(self) -> tuple[tuple[int, int], tuple[int, int]]:
        low, _, high = self.python.partition("-")
        return _version(low), _version(high or low)


def _version(text: str) -> tuple[int, int]:
    major, minor = text.strip().split(".")[:2]
    return int(major), int(minor)
