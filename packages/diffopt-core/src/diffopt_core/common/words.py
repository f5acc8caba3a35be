"""Numbers in sentences."""

from __future__ import annotations

import math

#: Nouns whose plural is not the noun with an s.
_PLURALS = {"is": "are", "has": "have", "person": "people"}


def counted(number: int, noun: str) -> str:
    """``1 case``, ``2 cases``, ``1,000 cases``."""
    return f"{number:,} {plural(number, noun)}"


def plural(number: int, noun: str) -> str:
    return noun if number == 1 else _PLURALS.get(noun, f"{noun}s")


def percent(first: float | None, last: float | None) -> str:
    """The change from first to last, ``+12%``; ``0%`` if it rounds to that, empty where there is none to tell."""
    if first is None or last is None or not (math.isfinite(first) and math.isfinite(last)) or abs(first) < 1e-9:
        return ""
    told = f"{(last - first) / abs(first):+.0%}"
    return "0%" if told in ("+0%", "-0%") else told
