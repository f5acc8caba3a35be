"""``diffopt run``: solve clips, or repeat a run from its ``run.json``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import completion, voice
from ..errors import DiffOptError
from ..progress import shown, terminal_bar
from .by_path import by_path
from .choice import DEFAULT_RECIPE, Choice, chooses
from .console import fail, note
from .flags import PANEL as _OUTPUT
from .inputs import expand
from .progress import Bars
from .watching import VIEWER, stay, viewed

if TYPE_CHECKING:
    from ..interfaces import Exporter, Viewer
    from ..run import Run
    from ..types import Result

NAME = "run"
PANEL = "Recover motion"


@chooses
def command(
    choice: Choice,
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT",
            help="Videos, case files, folders of them, anything a dataset reads; or run.json of a result.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Result folder; default runs/<clip>.", rich_help_panel=_OUTPUT),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a result of another run.", rich_help_panel=_OUTPUT)
    ] = False,
    picture: Annotated[
        bool, typer.Option("--picture/--no-picture", help="Draw picture.png.", rich_help_panel=_OUTPUT)
    ] = True,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Write report.html.", rich_help_panel=_OUTPUT)
    ] = True,
    export: Annotated[
        str | None,
        typer.Option(
            "--export",
            metavar="FORMAT,…",
            help="Also write e.g. glb,bvh.",
            rich_help_panel=_OUTPUT,
            autocompletion=completion.component("exporter", many=True),
        ),
    ] = None,
    view: Annotated[
        bool, typer.Option("--view", help="Show the solve in the browser while it goes on.", rich_help_panel=_OUTPUT)
    ] = False,
    viewer: Annotated[
        str | None,
        typer.Option(
            "--viewer",
            metavar="NAME",
            help=f"Another viewer for that, [dim]default: {VIEWER}[/].",
            rich_help_panel=_OUTPUT,
            autocompletion=completion.component("viewer"),
        ),
    ] = None,
    wait: Annotated[
        bool,
        typer.Option("--wait/--no-wait", help="With --view: stay until Ctrl-C, or not.", rich_help_panel=_OUTPUT),
    ] = True,
    device: Annotated[str | None, typer.Option("--device", help="auto, cpu or cuda[:N]; default auto.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of every random number; default 0.")] = None,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Most clips solved side by side.")] = 64,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Look at videos anew, whatever an earlier run found in them.")
    ] = False,
) -> int:
    """Recover global motion: a video or its evidence in, motion out.

    Files of equal length and frame rate are solved side by side. A finished result of the same run is kept.
    """
    if inputs[0].suffix == ".json" and inputs[0].is_file():
        from .repeat import is_run_file, repeat

        if is_run_file(inputs[0]):
            refused = choice.changes()
            refused += [f for f, v in (("--device", device), ("--seed", seed)) if v is not None]
            if refused:
                raise DiffOptError(f"{refused[0]} would make another run of it; repeating {inputs[0]} takes none")
            if view or viewer:
                raise DiffOptError(f"--view: a repeated run is not shown; diffopt view {inputs[0].parent} shows one")
            return repeat(inputs[0], inputs[1:], choice.plugins, out, overwrite, picture, report)
    from ..run import Run

    registry = choice.registry()
    recipe = choice.resolve(registry)
    files = expand(inputs, registry, recipe)
    folder = out or (Path("runs") / files[0].stem if len(files) == 1 else Path("runs"))
    asked = Run(
        files,
        recipe,
        registry,
        folder,
        seed or 0,
        device or "auto",
        overwrite,
        batch,
        fresh=fresh,
        fitted=by_path(choice, registry),
    )
    exporters = _exporters(asked, export)
    with viewed(asked, viewer or (VIEWER if view else None)) as shows:
        results = solve(asked, shows)
        for result in results:
            for exporter in exporters:
                exporter.export(result, asked.folder(result.clip.name))
        status = finish(asked, results, picture, report)
        if shows is not None:
            stay(shows, asked, results, wait)
    return status


def _exporters(run: Run, formats: str | None) -> list[Exporter]:
    """Those of ``--export``, built before the solve: a package that is missing is told at once."""
    from ..run import context

    names = [name.strip() for name in (formats or "").split(",") if name.strip()]
    ctx = context(run)
    return [run.registry.build("exporter", name, {}, ctx) for name in names]


def solve(run: Run, viewer: Viewer | None = None) -> list[Result]:
    """Execute with progress on standard error, and before the eyes of ``viewer``."""
    from ..run import execute
    from ..watch import Watch

    stages = ", ".join(run.recipe.schedule) or "none"
    title = f"{len(run.inputs)} clip(s) · device {run.device} · stages {stages}"
    with Bars(title) as bars, shown(terminal_bar):
        return execute(run, bars, None if viewer is None else Watch(viewer.update))


def finish(run: Run, results: list[Result], picture: bool, report: bool) -> int:
    """Pictures, reports, tables, and the exit status: 1 where a clip diverged."""
    from .summary import print_summary, rows_of, summary

    kept = len(run.only or run.inputs) - len(results)
    if kept:
        note(f"{kept} clip(s) had a finished result of this very run, which was kept (--overwrite solves again)")
    if picture and results:
        draw(run, results)
    if report and results:
        write_reports(run, results)
    for result in results:
        _say_recipe(run, result)
    rows = [] if voice.quiet() and not voice.wants_json() else [rows_of(run, result) for result in results]
    voice.answer({"results": summary(run, results, rows), "kept": kept})
    if rows:
        print_summary(run, results, rows)
    for result in results:
        if result.status == "diverged":
            where = run.folder(result.clip.name)
            fail(
                f"{result.clip.name}: diverged: the losses left the finite numbers; the last finite state is in "
                f"{where}; try a smaller rate (--set stage.<stage>.<block>.lr=…)"
            )
    return int(any(result.status == "diverged" for result in results))


def _say_recipe(run: Run, result: Result) -> None:
    """Which recipe solved a clip, where that was decided by its camera."""
    from ..run import fitting

    assert result.clip.camera is not None and result.clip.body is not None
    name = fitting(result.clip.camera, result.clip.body)
    if name in run.fitted:
        why = f"{name}: {run.fitted[name].summary}"
        note(f"{result.clip.name}: solved by {why} (--recipe {DEFAULT_RECIPE} is the paper's method)")


def write_reports(run: Run, results: list[Result]) -> None:
    """``report.html`` into every result folder."""
    from ..report import write_report

    for result in results:
        write_report(result, run.folder(result.clip.name) / "report.html")


def draw(run: Run, results: list[Result]) -> None:
    """``picture.png`` into every result folder, and ``overlay.png`` where the clip's images are at hand."""
    from ..picture import draw_on_video, draw_result

    for result in results:
        folder = run.folder(result.clip.name)
        draw_result(result, folder / "picture.png")
        if result.clip.video is not None:
            draw_on_video(result, folder / "overlay.png")
