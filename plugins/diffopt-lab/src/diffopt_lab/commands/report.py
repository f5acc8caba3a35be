"""``diffopt report``: write the HTML page of a result on disk, or of several."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from diffopt_core.common import output as voice
from diffopt_core.common.console import say
from diffopt_core.common.options import Results

NAME = "report"
PANEL = "Recover motion"
FILE = "report.html"


def command(
    results: Results,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Output file; default: report.html in the result's folder; of a shard's, or a motion file, in "
            "exports/<clip>; of several in exports.",
        ),
    ] = None,
    images: Annotated[
        bool, typer.Option("--images/--no-images", help="Include small frames of the video, if there is one.")
    ] = True,
    truth: Annotated[bool, typer.Option(help="Show the ground truth, if the input has one.")] = True,
) -> int:
    """Write report.html: a 3D player, synchronised charts, metrics, settings, provenance; one file.

    Several results of one clip share a player. Nothing is solved again. `diffopt run` writes the same page.

    Example: diffopt report runs/demo (after diffopt demo)
    """
    from diffopt_core.results.saved import place_beside, read_result

    from ..report import write_report

    read = [read_result(path, truth=truth) for path in results]
    alone = place_beside(results[0], read[0].clip.name) if len(read) == 1 else Path("exports")
    file = out or alone / FILE
    write_report(read, file, images=images)
    voice.answer({"file": file, "bytes": file.stat().st_size, "results": results})
    say(f"wrote {file}")
    return 0
