"""Tables as text cells, and the main table of a study in the paper's layouts: one function per layout."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from diffopt_core.parts.assumed import MARK
from diffopt_core.parts.metrics.quality import nearest

from .model import NOT_SOLVED, TRUTH, Column, Row, State, Study


@dataclass(frozen=True)
class Sheet:
    """``heads`` and ``lines`` of equal width; a line of one cell is a group heading. ``strong``: (line, column)."""

    title: str
    heads: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    strong: frozenset[tuple[int, int]] = frozenset()


def number(value: float | None, digits: int = 1) -> str:
    """A fixed number of decimals; a dash for a missing value."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def signed(value: float, digits: int = 1) -> str:
    text = number(value, digits)
    return f"+{text}" if text != "–" and value > 0 else text


def probability(p: float) -> str:
    return "–" if not math.isfinite(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def markdown(sheet: Sheet) -> str:
    """The table as Markdown; group headings become bold lines."""

    def cell(text: str) -> str:
        return text.replace("|", "\\|").replace("\n", " ")

    width = len(sheet.heads)
    out = [f"### {sheet.title}", "", "| " + " | ".join(map(cell, sheet.heads)) + " |"]
    out.append("|---|" + "---:|" * (width - 1))
    for number_, line in enumerate(sheet.lines):
        if len(line) == 1:
            out.append(f"| *{cell(line[0])}* |" + " |" * (width - 1))
            continue
        cells = [f"**{cell(t)}**" if (number_, i) in sheet.strong else cell(t) for i, t in enumerate(line)]
        out.append("| " + " | ".join(cells) + " |")
    out += ["", *(f"{note}  " for note in sheet.notes)]
    return "\n".join(out).rstrip() + "\n"


def html(sheet: Sheet) -> str:
    """The table as HTML, with horizontal scrolling if it is wide."""
    from html import escape

    width = len(sheet.heads)
    body = []
    for number_, line in enumerate(sheet.lines):
        if len(line) == 1:
            body.append(f'<tr class="group"><th colspan="{width}">{escape(line[0])}</th></tr>')
            continue
        first, *rest = line
        cells = "".join(
            f'<td class="best">{escape(text)}</td>' if (number_, i) in sheet.strong else f"<td>{escape(text)}</td>"
            for i, text in enumerate(rest, 1)
        )
        body.append(f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>')
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in sheet.heads)
    notes = "".join(f"<p class='note'>{escape(note)}</p>" for note in sheet.notes)
    return (
        f"<h3>{escape(sheet.title)}</h3><div class='wide'><table><thead><tr>{heads}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>{notes}"
    )


#: Description of the mean, by the study's pooling.
_WEIGHING = {
    "clips": "Means are over cases with equal weights.",
    "frames": "Means are over cases weighted by their frames; intervals and tests below use equal weights.",
}


def main(study: Study) -> list[Sheet]:
    return _LAYOUTS[study.layout](study)


def differences(study: Study) -> list[Sheet]:
    """Table 5: one column per metric, the difference to the reference row in parentheses, rows by group.

    The difference is over the cases that both rows have.
    """
    columns = study.shown
    heads = ("", *(head(study, column) for column in columns))
    lines: list[tuple[str, ...]] = []
    where: dict[str, int] = {}
    for group, rows in _grouped(study):
        if group:
            lines.append((group,))
        for row in rows:
            where[row.name] = len(lines)
            cells = [_with_difference(study, row.name, column.metric) for column in columns]
            lines.append((_label(study, row), *cells))
    notes = [_WEIGHING[study.pooling]]
    if study.reference:
        notes += [f"In parentheses: difference to {_row(study, study.reference).label}, over the cases that both have."]
    return [Sheet(_title(study), heads, tuple(lines), (*notes, *study.notes), _best(study, columns, where))]


def sequences(study: Study) -> list[Sheet]:
    """Table 2: one column per sequence, its cases averaged; local and global error as a pair; the mean over
    sequences."""
    names = list(dict.fromkeys(case.sequence for case in study.cases))
    members = {name: {case.name for case in study.cases if case.sequence == name} for name in names}
    sheets = []
    for pair in _pairs(study):
        lines = []
        for row in study.rows:
            columns = []  # a metric's values per sequence, then their mean
            for metric in pair:
                own = [_mean_over(study, row.name, metric, members[name]) for name in names]
                known = [value for value in own if math.isfinite(value)]
                columns.append([number(value) for value in (*own, fmean(known) if known else math.nan)])
            lines.append((_label(study, row), *(" / ".join(cell) for cell in zip(*columns, strict=True))))
        heads = ("method", *names, "mean over sequences")
        note = "The mean is over sequences with equal weights; a sequence's value is the mean over its cases."
        sheets.append(Sheet(f"{_title(study)}: {_words(study, pair)}", heads, tuple(lines), (note, *study.notes)))
    return sheets


def pairs(study: Study) -> list[Sheet]:
    """Table 4: one column per pair of local and global error; the mean over cases."""
    chosen = _pairs(study)
    heads = ("method", *(_words(study, pair) for pair in chosen))
    lines = []
    for row in study.rows:
        cells = [" / ".join(number(mean_of(study, row.name, m)) for m in pair) for pair in chosen]
        lines.append((_label(study, row), *cells))
    return [Sheet(_title(study), heads, tuple(lines), (_WEIGHING[study.pooling], *study.notes))]


def runtime(study: Study) -> list[Sheet]:
    """Table 3: seconds per case, total and per stage."""
    stages = list(dict.fromkeys(name for cell in study.cells for name in cell.seconds))
    lines = []
    for row in study.rows:
        cells = [cell for cell in study.of(row.name) if cell.scored and cell.seconds]
        if row.name in NOT_SOLVED or not cells:
            continue
        parts = [[cell.seconds.get(name, math.nan) for cell in cells] for name in stages]
        known = [[value for value in part if math.isfinite(value)] for part in parts]
        totals = [sum(cell.seconds.values()) for cell in cells]
        lines.append(
            (_label(study, row), number(fmean(totals), 2), *(number(fmean(p), 2) if p else "–" for p in known))
        )
    together = sorted({cell.together for cell in study.cells if cell.scored and cell.seconds})
    how = "each case alone" if together == [1] else f"{' or '.join(map(str, together))} cases together, shared evenly"
    notes = (f"Mean seconds per case, {how}; without reading files and evaluation.", *study.notes)
    return [Sheet(_title(study), ("method", "run time (s)", *stages), tuple(lines), notes)]


def head(study: Study, column: Column) -> str:
    """The column label and its metric."""
    name = column.metric if column.label == column.metric else f"{column.label} [{column.metric}]"
    return f"{name} {bracketed(study.units[column.metric])}"


def bracketed(unit: str) -> str:
    """``(m)``, ``(m) (guessed)``."""
    return f"({unit})".replace(f" {MARK})", f") {MARK}")


def mean_of(study: Study, row: str, metric: str) -> float:
    return study.pooled(study.by_case(row, metric))


def _with_difference(study: Study, row: str, metric: str) -> str:
    digits = study.digits(metric)
    text = number(mean_of(study, row, metric), digits)
    if study.reference is None or row in (study.reference, TRUTH) or text == "–":
        return text
    base, own = study.by_case(study.reference, metric), study.by_case(row, metric)
    common = [case for case in own if case in base]
    return f"{text} ({signed(study.pooled({c: own[c] - base[c] for c in common}), digits)})" if common else text


def _title(study: Study) -> str:
    return f"{study.title}: {study.data}"


def _row(study: Study, name: str) -> Row:
    return next(row for row in study.rows if row.name == name)


def _label(study: Study, row: Row) -> str:
    """The row's label, marked if cells are missing, failed, diverged or doubtful."""
    cells = study.of(row.name)
    lacking = sum(not cell.scored for cell in cells)
    diverged = sum(cell.state is State.DIVERGED for cell in cells)
    marks = [f"{lacking} of {len(cells)} missing"] * bool(lacking) + [f"{diverged} diverged"] * bool(diverged)
    doubtful = sum(cell.doubtful for cell in cells)
    marks += [f"{doubtful} of {len(cells)} doubtful"] * bool(doubtful)
    return row.label + (f" ({', '.join(marks)})" if marks else "")


def _grouped(study: Study) -> list[tuple[str, list[Row]]]:
    """Rows by group, in order; a row without a group is its own group."""
    out: list[tuple[str, list[Row]]] = []
    for row in study.rows:
        if out and out[-1][0] == row.group:
            out[-1][1].append(row)
        else:
            out.append((row.group, [row]))
    return out


def _best(study: Study, columns: Sequence[Column], where: dict[str, int]) -> frozenset[tuple[int, int]]:
    """The cells closest to the ground truth per column; empty without a ground-truth row."""
    rows = [name for name in where if name != TRUTH]
    found = set()
    for index, column in enumerate(columns, 1):
        true = mean_of(study, TRUTH, column.metric) if TRUTH in where else None
        near = nearest([mean_of(study, name, column.metric) for name in rows], true)
        found |= {(where[rows[n]], index) for n in near}
    return frozenset(found)


def _pairs(study: Study) -> list[tuple[str, ...]]:
    """Columns in pairs of local and global, an odd last one alone; columns without values are omitted."""
    metrics = [column.metric for column in study.columns]
    pairs = [tuple(metrics[i : i + 2]) for i in range(0, len(metrics), 2)]
    return [pair for pair in pairs if set(pair) & set(study.metrics)]


def _words(study: Study, pair: Sequence[str]) -> str:
    """The pair's labels with their common unit, or each with its own unit."""
    units = [study.units[metric] for metric in pair]
    if len(set(units)) == 1:
        return f"{' / '.join(_of(study, metric) for metric in pair)} {bracketed(units[0])}"
    return " / ".join(f"{_of(study, metric)} {bracketed(unit)}" for metric, unit in zip(pair, units, strict=True))


def _of(study: Study, metric: str) -> str:
    label = next((column.label for column in study.columns if column.metric == metric), metric)
    return label if label == metric else f"{label} [{metric}]"


def _mean_over(study: Study, row: str, metric: str, cases: set[str]) -> float:
    return study.pooled({case: value for case, value in study.by_case(row, metric).items() if case in cases})


_LAYOUTS: dict[str, Callable[[Study], list[Sheet]]] = {
    "differences": differences,
    "sequences": sequences,
    "pairs": pairs,
    "runtime": runtime,
}
