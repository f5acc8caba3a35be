"""Tables as text cells, from which Markdown and HTML are printed alike."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Sheet:
    """``heads`` and ``lines`` of equal width; a line of one cell is a heading across. ``strong``: (line, column)."""

    title: str
    heads: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    strong: frozenset[tuple[int, int]] = frozenset()


def number(value: float | None, digits: int = 1) -> str:
    """A fixed number of decimals; a dash for what is not there."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def signed(value: float, digits: int = 1) -> str:
    text = number(value, digits)
    return f"+{text}" if text != "–" and value > 0 else text


def probability(p: float) -> str:
    return "–" if not math.isfinite(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def markdown(sheet: Sheet) -> str:
    """One table; headings across become bold lines."""

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
    """The same as HTML, scrolling sideways by itself where it is wide."""
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
