"""What ``diffopt run`` says at the end of many inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..common.console import err, fail, grid, out, say
from ..common.output import answer, quiet, speaks
from ..common.words import counted, plural

if TYPE_CHECKING:
    from ..results.shards import Row

#: Lines of a table.
_MOST_REASONS = 20


def tell(home: str, rows: Sequence[Row], inputs: int, stopped: bool, notices: Sequence[str]) -> int:
    """Print how many inputs ended how, and why; returns the exit status."""
    from ..results.failures import by_reason

    states = Counter(row["state"] for row in rows)
    bad = [row for row in rows if row["state"] in ("failed", "diverged")]
    reasons = by_reason(row.get("reason") or row["state"] for row in bad)
    frames = sum(int(row["frames"]) for row in rows if row.get("frames"))
    why = [{"reason": reason, "inputs": count} for reason, count in reasons]
    answer({"out": home, "index": f"{home}/index.csv", "inputs": inputs, "states": dict(states), "frames": frames,
            "reasons": why, "stopped": stopped})  # fmt: skip
    if speaks():
        table = grid("state", "inputs", numbers=True)
        for state, count in states.most_common():
            table.add_row(state, str(count))
        out.print()
        out.print(table)
        say(f"wrote {home}: index.csv has {counted(len(rows), 'line')}, for {counted(inputs, 'input')}")
    for title, told in (("notice", by_reason(notices)), ("reason", reasons)):
        if told and not quiet():
            table = grid(title, "clips")
            for said, count in told[:_MOST_REASONS]:
                table.add_row(said.replace("[", r"\["), str(count))
            err.print()
            err.print(table)
    of = counted(len(rows), "clip") + (f" of {counted(inputs, 'input')}" if len(rows) > inputs else "")
    if stopped:
        fail(f"stopped: {counted(states['failed'], 'clip')} failed, more than --limit-failures allows; the same "
             "command with a higher limit goes on")  # fmt: skip
    elif bad:
        others = "; the others are written" if len(bad) < len(rows) else ""
        fail(f"{len(bad)} of {of} {plural(len(bad), 'has')} no sound result{others}")
    return int(bool(bad) or stopped or states["open"] > 0)
