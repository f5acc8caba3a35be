"""What ``diffopt run`` says at the end of many inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..common.console import fail, grid, note, out, say
from ..common.output import answer, speaks
from ..common.reasons import by_reason, tell_few, tell_reasons
from ..common.words import counted, plural

if TYPE_CHECKING:
    from ..results.shards import Row


def tell(home: str, rows: Sequence[Row], inputs: int, stopped: bool, notices: Sequence[str]) -> int:
    """Print how many inputs ended how, and why; returns the exit status."""
    states = Counter(row["state"] for row in rows)
    bad = [row for row in rows if row["state"] in ("failed", "diverged")]
    reasons = [row.get("reason") or row["state"] for row in bad]
    doubtful = [row for row in rows if row["state"] == "doubtful"]
    frames = sum(int(row["frames"]) for row in rows if row.get("frames"))
    why = [{"reason": reason, "inputs": count} for reason, count in by_reason(reasons)]
    answer({"out": home, "index": f"{home}/index.csv", "inputs": inputs, "states": dict(states), "frames": frames,
            "reasons": why, "doubtful": [row["key"] for row in doubtful], "stopped": stopped})  # fmt: skip
    if speaks():
        table = grid("state", "inputs", numbers=True)
        for state, count in states.most_common():
            table.add_row(state, str(count))
        out.print()
        out.print(table)
        say(f"wrote {home}: index.csv has {counted(len(rows), 'line')}, for {counted(inputs, 'input')}")
    tell_reasons("notice", "clips", notices)
    tell_few([f"{row['key']}: doubtful: {row.get('reason', '')}" for row in doubtful], note)
    tell_few([row.get("error") or f"{row['key']}: {row['state']}: {row.get('reason', '')}" for row in bad], fail)
    tell_reasons("reason", "clips", reasons)
    of = counted(len(rows), "clip") + (f" of {counted(inputs, 'input')}" if len(rows) > inputs else "")
    if stopped:
        fail(f"stopped: {counted(states['failed'], 'clip')} failed, more than --limit-failures allows; the same "
             "command with a higher limit goes on")  # fmt: skip
    elif bad:
        others = "; the others are written" if len(bad) < len(rows) else ""
        fail(f"{len(bad)} of {of} {plural(len(bad), 'has')} no sound result{others}")
    return int(bool(bad) or stopped or states["open"] > 0)
