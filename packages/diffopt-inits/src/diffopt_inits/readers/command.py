"""``diffopt convert``: convert a result file of another system to ``motion.npz``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def convert(
    file: Annotated[Path, typer.Argument(help="Result of another system (TRAM, SLAHMR: a folder too).")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The motion file to write (.npz).")],
    system: Annotated[
        str | None, typer.Option("--system", help="System that wrote it; by default recognised by its keys.")
    ] = None,
    track: Annotated[str, typer.Option("--track", help="Which person: largest, longest or an id.")] = "largest",
    smpl: Annotated[
        Path | None, typer.Option("--smpl", help="Your SMPL or SMPL-X model file: exact pelvis and joints.")
    ] = None,
    fps: Annotated[float | None, typer.Option("--fps", min=0.001, help="Frame rate, if the file has none.")] = None,
    focal: Annotated[
        str | None,
        typer.Option("--focal", help="Focal length, if the file has none: 1200px, 28mm (35 mm film) or 65deg."),
    ] = None,
    camera_frame: Annotated[
        bool, typer.Option("--camera-frame", help="Write the motion in the camera frames, not in a world.")
    ] = False,
) -> int:
    """Convert results of WHAM, GVHMR, TRAM, SLAHMR, GLAMR, PromptHMR, VIBE or 4D-Humans to one convention.

    Writes metres, Y up, pelvis positions, axis-angle; the conventions are stored as text with the arrays.

    Example: diffopt convert wham_output.pkl --out walk.npz
    """
    from dataclasses import asdict

    from diffopt_core.common.output import answer, quiet

    from .motion import write_motion

    told = write_motion(file, out, system, track, smpl, fps, focal, camera_frame)
    answer(asdict(told))
    if not quiet():
        typer.echo(str(told), err=True)
    return 0
