"""What results are called beside one another: as short as tells them apart."""

from __future__ import annotations

from collections.abc import Sequence

from diffopt_core.types import Result


def labels_of(results: Sequence[Result]) -> list[str]:
    """The clips' names; the ends of their folders' paths where several are of one clip; else they are counted."""
    names = [result.clip.name for result in results]
    if len(set(names)) == len(names):
        return names
    folders = [() if r.clip.path is None else r.clip.path.absolute().parent.parts for r in results]
    for depth in range(1, max(map(len, folders), default=0) + 1):
        ends = ["/".join(parts[-depth:]) for parts in folders]
        if all(ends) and len(set(ends)) == len(ends):
            return ends
    return [f"{name} {number}" for number, name in enumerate(names, start=1)]
