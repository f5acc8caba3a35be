"""``diffopt prepare``: perception only. From a video to a case file."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..common.console import grid, note, say
from ..common.console import out as console
from ..common.options import Device
from ..common.output import about, answer
from ..common.progress import shown, terminal_bar
from ..errors import DiffOptError
from ..host.choice import Choice
from .choice import chooses

if TYPE_CHECKING:
    from ..data.window import Evidence

NAME = "prepare"
PANEL = "Bring your own"


@chooses
def command(
    choice: Choice,
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT", help="Videos, folders of them, as for `run`.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="CASE.npz|FOLDER", help="Default: <clip>.npz in the current folder."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a case file.")] = False,
    picture: Annotated[bool, typer.Option("--picture/--no-picture", help="Draw <case>.png beside the case.")] = True,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ignore cached results of earlier runs.")] = False,
    device: Device = "auto",
) -> int:
    """From a video to evidence: keypoints, camera and initial poses, as a case file for `diffopt run`.

    Results are cached by the content of the video: a second call is instant and an interrupted one continues.

    Example: diffopt prepare runs/demo/demo.npz --out walk.npz (after diffopt demo)
    """
    from ..parts.datasets.case_file import arrays_of, write_case
    from ..perception.finding import expand
    from ..perception.perceive import perceive
    from ..results.checking import opened
    from ..results.failures import Failure, spared
    from ..results.run import Run, context, name_of
    from .summary import print_failures

    registry = choice.registry()
    recipe = choice.resolve(registry)
    files = expand(inputs, registry, recipe)
    run = Run(files, recipe, registry, Path(), device=device)
    ctx, clips = context(run), []
    failed: list[Failure] | None = None if len(files) == 1 else []
    for path in files:
        with spared(failed, name_of(path), path, registry):
            clips.append(opened(run, path, ctx))
    places = [_place(out, clip.name, len(clips)) for clip in clips]
    for place in places:
        if place.exists() and not overwrite:
            raise DiffOptError(f"{place}: exists; choose another file with --out, or replace it with --overwrite")
    table = grid("case", "frames", "fps", "seen", "detector", "camera", "initializer", "focal length")
    told = []
    with shown(terminal_bar):
        for clip, place in zip(clips, places, strict=True):
            with spared(failed, clip.name, clip.path, registry), about(clip.name if len(files) > 1 else ""):
                found = perceive(clip, recipe, ctx, fresh)
                write_case(place, arrays_of(found.clip))
                if picture and clip.video is not None:
                    _draw(found, place.with_suffix(".png"))
                row = _row(found)
                told.append({"case": place, **row})
                table.add_row(str(place), *_cells(row))
    bad = failed or []
    answer({"cases": told, "failed": [{"input": each.path, "error": each.error} for each in bad]})
    console.print(table, highlight=False)
    print_failures([each.reason for each in bad], len(files), [each.error for each in bad])
    if told:
        say(f"next: diffopt run {told[0]['case']}")
    return int(bool(bad))


def _place(out: Path | None, name: str, count: int) -> Path:
    if out is None:
        return Path(f"{name}.npz")
    if out.suffix.lower() == ".npz":
        if count > 1:
            raise DiffOptError(f"--out {out}: is a file, but there are {count} clips; give a folder")
        return out
    return out / f"{name}.npz"


def _row(found: Evidence) -> dict[str, Any]:
    """Summary of the evidence: a row of the table and of the JSON."""
    clip, camera = found.clip, found.camera
    return {
        "frames": clip.num_frames,
        "fps": clip.fps,
        "seen": int(found.observations.valid.sum()),
        **{kind: str(part.facts.get("component", "?")) for kind, part in clip.parts.items()},
        "focal": float(camera.focal.mean()),
        "focal_from": str(camera.facts.get("focal_from", "the file")),
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    parts = (row[kind] for kind in ("detector", "camera", "initializer"))
    seen, focal = f"{row['seen']}/{row['frames']}", f"{row['focal']:.0f} px, {row['focal_from']}"
    return str(row["frames"]), f"{row['fps']:g}", seen, *parts, focal


def _draw(found: Evidence, path: Path) -> None:
    """Draw keypoints and initial poses over six frames with the installed ``diffopt.display``."""
    draws = entry_points(group="diffopt.display", name="evidence")
    if not draws:
        return note("no installed plugin draws evidence (diffopt-lab does); --no-picture skips the picture")
    next(iter(draws)).load()(found.clip, path)
