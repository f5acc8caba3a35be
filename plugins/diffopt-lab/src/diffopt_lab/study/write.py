"""Write a report: Markdown, HTML in one file, JSON, CSV, and the picture of the paths."""

from __future__ import annotations

import base64
import json
import os
from html import escape
from pathlib import Path
from urllib.parse import quote

from diffopt_core.common.npz import atomic
from diffopt_core.common.reasons import by_reason
from diffopt_core.common.words import counted

from .data import as_data, cells_csv, details, doubts, few_failures, sheet_csv
from .layouts import html, main, markdown
from .model import Study
from .pictures import Players, draw_paths, write_players

_STYLE = """
:root { color-scheme: light dark; --page: #f6f6f3; --ink: #20242a; --soft: #5d6570; --rule: #e0e2de; --link: #0067a3; }
@media (prefers-color-scheme: dark) {
  :root { --page: #111418; --ink: #e7eaee; --soft: #9aa4b0; --rule: #2a3038; --link: #6cbcf0; }
}
body { background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto;
  max-width: 76rem; padding: 0 1rem; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; margin-bottom: .3rem; } h2 { font-size: 1.2rem; margin: 2.4rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; } a { color: var(--link); }
.wide { overflow-x: auto; } .links { padding-left: 1.1rem; font-size: .9rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { padding: .28rem .7rem; border-bottom: 1px solid var(--rule); }
td { text-align: right; white-space: nowrap; } th { text-align: left; font-weight: 400; }
th[scope=row] { white-space: nowrap; } thead th + th { text-align: right; }
thead th { border-bottom: 1.5px solid var(--soft); font-weight: 600; vertical-align: bottom; }
tr.group th { font-style: italic; padding-top: .7rem; } td.best { font-weight: 700; }
.note { font-size: .85rem; color: var(--soft); margin: .3rem 0 .6rem; } code { font-size: .9em; }
.bad { border-left: 4px solid #D55E00; padding-left: .8rem; }
img { max-width: 100%; background: white; border-radius: 8px; } iframe { box-shadow: 0 0 0 1px var(--rule); }
"""
#: Most links a row.
_LINKS = 200
_PATHS_NOTE = (
    "Root path on the floor, x to the right and z down the page (m), each row "
    "after one rigid fit (no scale) to the ground truth; a disc marks the end."
)
_PLAYER_NOTE = (
    "The rows and the ground truth, each row after one rigid fit "
    "to it. The buttons select rows; Apart places them side by side."
)


def write_report(study: Study, folder: Path) -> list[Path]:
    """Write report.md, report.html, report.json, table.csv, cells.csv, paths.png and players into ``folder``, each
    atomically. Raises DiffOptError naming a folder that cannot be written.
    """
    picture = draw_paths(study)
    players = write_players(study, folder)
    texts = {
        "report.md": as_markdown(study, picture is not None),
        "report.html": as_html(study, picture, players, folder),
        "report.json": json.dumps(as_data(study), indent=1) + "\n",
        "table.csv": "\n".join(sheet_csv(sheet) for sheet in main(study)),
        "cells.csv": cells_csv(study),
    }
    contents = {name: text.encode() for name, text in texts.items()} | ({"paths.png": picture} if picture else {})
    for name, content in contents.items():
        with atomic(folder / name) as file:
            file.write(content)
    return [folder / name for name in (*contents, *players.pages.values())]


def as_markdown(study: Study, picture: bool = False) -> str:
    parts = [f"# {study.title}\n\n{_lead(study)}\n"]
    if bad := few_failures(study):
        parts.append("## What failed\n\n" + "\n".join(f"- {cell}: {why}" for cell, why in bad) + "\n")
    if doubtful := by_reason(doubts(study)):
        told = "\n".join(f"- {counted(count, 'cell')}: {why}" for why, count in doubtful)
        parts.append(f"## What is doubtful or not trusted\n\n{told}\n")
    parts += [markdown(sheet) for sheet in main(study)]
    if picture:
        parts.append("## Paths from above\n\n![paths](paths.png)\n\n" + _PATHS_NOTE + "\n")
    parts += ["## In detail\n", *(markdown(sheet) for sheet in details(study)), _made(study) + "\n"]
    return "\n".join(parts)


def as_html(
    study: Study, picture: bytes | None = None, players: Players | None = None, folder: Path | None = None
) -> str:
    parts = [f"<h1>{escape(study.title)}</h1><p>{escape(_lead(study))}</p>"]
    if bad := few_failures(study):
        items = "".join(f"<li>{escape(cell)}: {escape(why)}</li>" for cell, why in bad)
        parts.append(f"<div class='bad'><h2>What failed</h2><ul>{items}</ul></div>")
    if doubtful := by_reason(doubts(study)):
        items = "".join(f"<li>{counted(count, 'cell')}: {escape(why)}</li>" for why, count in doubtful)
        parts.append(f"<div class='bad'><h2>What is doubtful or not trusted</h2><ul>{items}</ul></div>")
    parts += [html(sheet) for sheet in main(study)]
    if picture:
        encoded = base64.b64encode(picture).decode()
        parts.append(
            f"<h2>Paths from above</h2><img alt='paths from above' src='data:image/png;base64,{encoded}'>"
            f"<p class='note'>{escape(_PATHS_NOTE)}</p>"
        )
    if players is not None and players.first:
        links = ", ".join(f"<a href='{escape(page)}'>{escape(case)}</a>" for case, page in players.pages.items())
        parts.append(f"<h2>In motion</h2><p class='note'>{_PLAYER_NOTE} Cases: {links}.</p>{players.first}")
    if folder is not None and (rows := _links(study, folder)):
        parts.append(f"<h2>Reports of single results</h2><ul class='links'>{rows}</ul>")
    parts += ["<h2>In detail</h2>", *(html(sheet) for sheet in details(study)), f"<p>{escape(_made(study))}</p>"]
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(study.title)}: {escape(study.data)}</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _links(study: Study, folder: Path) -> str:
    """One line per row: links to the reports of its results."""
    lines = []
    for row in study.rows:
        links = []
        for cell in study.of(row.name)[:_LINKS]:
            page = cell.motion.with_name("report.html") if cell.motion else None
            if page is not None and page.is_file():
                where = os.path.relpath(page, folder).replace(os.sep, "/")
                seed = f", seed {cell.seed}" if len(study.seeds) > 1 else ""
                links.append(f"<a href='{escape(quote(where))}'>{escape(cell.case + seed)}</a>")
        lines += [f"<li>{escape(row.label)}: {', '.join(links)}</li>"] if links else []
    return "".join(lines)


def _lead(study: Study) -> str:
    frames = sum(case.frames for case in study.cases)
    seeds = f", seeds {', '.join(map(str, study.seeds))}" if study.seeds else ""
    return f"On {study.data}: {counted(len(study.cases), 'case')}, {counted(frames, 'frame')}{seeds}."


def _made(study: Study) -> str:
    """Versions and machine."""
    versions = ", ".join(f"{name} {version}" for name, version in study.facts.get("versions", {}).items())
    terms = "; ".join(f"{who}: {text}" for who, text in study.facts.get("licences", {}).items())
    return " ".join(
        part for part in (f"Made with {versions}." if versions else "", f"Terms of use: {terms}." if terms else "")
        if part
    )  # fmt: skip
