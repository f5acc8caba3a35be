"""What a report looks like: tables, sheets of stick figures, samples drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from diffopt_core.common.console import grid, out, say

if TYPE_CHECKING:
    from rich.table import Table

#: Shards that get a column of their own in the ranking.
_MOST_SHARDS = 4


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"


def tables(report: Mapping[str, Any]) -> Iterator[Table]:
    """The ranking, then the prior's own sections."""
    yield _ranking(report)
    for title, rows in report["sections"].items():
        columns = list(dict.fromkeys(column for row in rows.values() for column in row))
        table = grid("", *columns, title=f"\n{title}", numbers=True)
        for name, row in rows.items():
            table.add_row(name, *(_number(row.get(column)) for column in columns))
        yield table


def _ranking(report: Mapping[str, Any]) -> Table:
    ranked = report["ranking"]
    shards = list(report["data"]["shards"])
    shards = shards if 1 < len(shards) <= _MOST_SHARDS else []
    title = f"\nreal motion against spoilt motion, by the prior's {ranked['by']}"
    columns = ("spoilt by", "amount", "windows", "AUC", "own pair", *(f"AUC {s}" for s in shards))
    table = grid(*columns, title=title, numbers=True)
    for name, row in ranked["rows"].items():
        cells = [_share(row.get("auc")), _share(row.get("paired"))]
        cells += [_share(row.get("by_shard", {}).get(shard, {}).get("auc")) for shard in shards]
        table.add_row(name, row["amount"], str(row["windows"]), *cells)
    return table


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def heading(report: Mapping[str, Any]) -> str:
    """What was measured, in two lines."""
    data, ranked = report["data"], report["ranking"]
    shards = ", ".join(f"{name} {count}" for name, count in data["shards"].items())
    options = " ".join(f"{key}={value}" for key, value in report["options"].items())
    return (
        f"prior {report['prior']}{f' ({options})' if options else ''}: {data['windows']} windows of {data['frames']} "
        f"frames at {data['fps']:g} fps ({shards}); mean of {ranked['draws']} draws of noise\n"
        f"{data['still']} windows in which nothing moves (joints below {data['still_below_mps']:g} m/s) are left out "
        "of the rows of time and order; speed x2 needs twice the source. AUC: all pairs of a real and a spoilt window."
    )


def show(report: Mapping[str, Any]) -> None:
    """Print heading and tables."""
    say(heading(report))
    for table in tables(report):
        out.print(table, highlight=False)
