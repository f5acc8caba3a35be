"""Flags that several commands share, including commands of plugins."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

#: Help panel of the output flags.
OUTPUT = "Output"
#: An option in that panel.
output = partial(typer.Option, rich_help_panel=OUTPUT)


def commas(text: str) -> tuple[str, ...]:
    """Split ``a, b`` into words, without empty words and duplicates."""
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


Plugins = Annotated[
    list[str] | None, typer.Option("--plugin", "-p", metavar="FILE.py|MODULE|no:NAME", help="Load or block one.")
]
Picture = Annotated[bool, output("--picture/--no-picture", help="Draw picture.png.")]
Report = Annotated[bool, output("--report/--no-report", help="Write report.html.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda[:N].")]
Results = Annotated[
    list[Path],
    typer.Argument(metavar="RESULT", help="Result folders, their motion.npz, or motion files (FILE.npz#clip)."),
]
