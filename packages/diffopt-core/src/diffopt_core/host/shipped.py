"""Which distributions belong to this project: those that ``diffopt-motion`` requires, extras included."""

from __future__ import annotations

import re
from functools import cache
from importlib import metadata

_OWN = frozenset({"diffopt-core", "diffopt-motion"})


def is_shipped(distribution: str) -> bool:
    """Whether a distribution belongs to this project, by the installed metadata."""
    return _normal(distribution) in _shipped()


@cache
def _shipped() -> frozenset[str]:
    try:
        asked = metadata.requires("diffopt-motion") or []
    except metadata.PackageNotFoundError:
        return _OWN
    names = (re.match(r"[\w.-]+", line) for line in asked)
    return _OWN | {name for found in names if found and (name := _normal(found[0])).startswith("diffopt-")}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
