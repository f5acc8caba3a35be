"""Why inputs have no sound result: a few by name, all counted by reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from .console import err, grid
from .output import quiet

#: Inputs that are named; reasons that are listed.
_FEW, _MOST = 10, 20
#: A number by itself: inputs that fail alike differ in these.
_NUMBER = re.compile(r"(?<![\w.])\d+(\.\d+)?(?![\w.]*\w)")


def by_reason(reasons: Iterable[str]) -> list[tuple[str, int]]:
    """Reasons and how many inputs have them, the most frequent first. Reasons that differ in numbers are one, with N in
    place of the numbers."""
    alike: dict[str, Counter[str]] = {}
    for reason in reasons:
        alike.setdefault(_NUMBER.sub("N", reason), Counter())[reason] += 1
    told = [(next(iter(found)) if len(found) == 1 else common, found.total()) for common, found in alike.items()]
    return sorted(told, key=lambda each: -each[1])


def tell_few(lines: Sequence[str], print_line: Callable[[str], None]) -> None:
    """A line for each of a few."""
    for line in lines[:_FEW]:
        print_line(line)
    if len(lines) > _FEW:
        print_line(f"and {len(lines) - _FEW:,} more")


def tell_reasons(title: str, what: str, reasons: Iterable[str]) -> None:
    """A table of reasons and how many of ``what`` have them, on standard error."""
    told = by_reason(reasons)
    if not told or quiet():
        return
    table = grid(title, what)
    for reason, count in told[:_MOST]:
        table.add_row(reason.replace("[", r"\["), f"{count:,}")
    err.print()
    err.print(table)
