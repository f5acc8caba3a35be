"""What a report looks like: tables, sheets of stick figures, samples drawn."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from diffopt_core.common.output import quiet
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

#: Shards that get a column of their own in the ranking.
_MOST_SHARDS = 4


def _grid(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if index else "left")
    return table


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"


def tables(report: Mapping[str, Any]) -> Iterator[Table]:
    """The ranking, then the prior's own sections."""
    yield _ranking(report)
    for title, rows in report["sections"].items():
        columns = list(dict.fromkeys(column for row in rows.values() for column in row))
        table = _grid(f"\n{title}", "", *columns)
        for name, row in rows.items():
            table.add_row(name, *(_number(row.get(column)) for column in columns))
        yield table


def _ranking(report: Mapping[str, Any]) -> Table:
    ranked = report["ranking"]
    shards = list(report["data"]["shards"])
    shards = shards if 1 < len(shards) <= _MOST_SHARDS else []
    title = f"\nreal motion against spoilt motion, by the prior's {ranked['by']}"
    table = _grid(title, "spoilt by", "amount", "windows", "AUC", "own pair", *(f"AUC {s}" for s in shards))
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


@contextmanager
def tick(total: int, what: str) -> Iterator[Callable[[], None]]:
    """A progress line; silent where there is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=quiet() or not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def show(report: Mapping[str, Any]) -> None:
    """Print heading and tables."""
    out = Console()
    out = out if out.is_terminal else Console(width=140)
    out.print(heading(report), highlight=False, markup=False, soft_wrap=True)
    for table in tables(report):
        out.print(table, highlight=False)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Written whole or not at all."""
    from diffopt_core.common.npz import atomic

    with atomic(path) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())
