"""``diffopt run``: solve clips, or repeat a run from its ``run.json``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..common.console import note
from ..common.documents import is_run_file
from ..common.options import Picture, Report, commas, output
from ..errors import DiffOptError
from ..host import completion
from ..host.choice import EVERYBODY, Choice
from . import many
from .choice import chooses
from .demo import FOLDER, demonstration
from .people import everybody
from .repeat import repeat
from .solving import VIEWER, drawn, finish, solve, stay, viewed

if TYPE_CHECKING:
    from ..interfaces import Exporter
    from ..results.failures import Failure
    from ..results.run import Run

NAME = "run"
PANEL = "Recover motion"


_INPUT = (
    "Videos, case files, folders of them, anything a dataset reads; patterns, a manifest (.csv, .parquet), addresses "
    "(s3://…); or run.json of a result. Without INPUT: the embedded demonstration."
)
_EXPORT = output(
    "--export", metavar="FORMAT,…", help="Also write e.g. glb,bvh.",
    autocompletion=completion.component("exporter", many=True),
)  # fmt: skip
_VIEWER = output(
    "--viewer", metavar="NAME", help=f"Viewer of --view, [dim]default: {VIEWER}[/].",
    autocompletion=completion.component("viewer"),
)  # fmt: skip


@chooses
def command(
    choice: Choice,
    sources: Annotated[list[str] | None, typer.Argument(metavar="INPUT", help=_INPUT)] = None,
    home: Annotated[str | None, output("--out", "-o", help="Result folder (or address); default runs/<clip>.")] = None,
    overwrite: Annotated[bool, output("--overwrite", help="Replace a result of another run.")] = False,
    picture: Picture = True,
    report: Report = True,
    export: Annotated[str | None, _EXPORT] = None,
    view: Annotated[bool, output("--view", help="Show the solve in the browser while it runs.")] = False,
    viewer: Annotated[str | None, _VIEWER] = None,
    wait: Annotated[
        bool, output("--wait/--no-wait", help="With --view: keep the viewer open until Ctrl-C, or not.")
    ] = True,
    device: Annotated[str | None, typer.Option("--device", help="auto, cpu or cuda[:N]; default auto.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of all random numbers; default 0.")] = None,
    batch: Annotated[
        int | None, typer.Option("--batch", min=1, help="Most clips solved as one batch; default 8, on a GPU 64.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ignore cached perception results of earlier runs.")] = False,
    runner: Annotated[str | None, many.RUNNER] = None,
    workers: Annotated[int | None, many.WORKERS] = None,
    address: Annotated[str | None, many.ADDRESS] = None,
    options: Annotated[list[str] | None, many.OPTIONS] = None,
    limit: Annotated[int | None, many.LIMIT] = None,
    shards: Annotated[bool | None, many.SHARDS] = None,
) -> int:
    """Recover global motion from a video or its evidence.

    Clips of one frame rate are solved in batches (on a CPU of equal length). A finished result of the same run is kept;
    a bad input costs itself alone. With a runner, a manifest, an address or more than 64 inputs, workers do the work.

    Example: diffopt run --recipe paper --out runs/paper
    """
    texts = sources or []
    inputs, out = [Path(text) for text in texts], None if home is None else Path(home)
    where = many.Where(runner, workers, address, tuple(options or ()), limit, shards)
    if inputs and inputs[0].suffix.lower() == ".json" and inputs[0].is_file() and is_run_file(inputs[0]):
        refused = choice.changes()
        refused += [f for f, v in (("--device", device), ("--seed", seed)) if v is not None]
        if refused:
            raise DiffOptError(
                f"{refused[0]} cannot be combined with {inputs[0]}: a repeated run takes its settings from the file"
            )
        if view or viewer:
            raise DiffOptError(
                f"--view: not available for a repeated run; to see a result: diffopt view {inputs[0].parent}"
            )
        return repeat(inputs[0], inputs[1:], choice.plugins, choice.trust, out, overwrite, picture, report)
    from ..results.recover import run_of

    registry = choice.registry()
    asked_many = where.asked or many.are_many(texts, home)
    if texts and asked_many and (view or viewer):
        raise DiffOptError("--view: shows runs in this process; for many: diffopt view RESULT afterwards")
    if choice.person == EVERYBODY:
        if asked_many or view or viewer or not texts:
            raise DiffOptError(
                f"--person {EVERYBODY}: not with --view, nor with workers (--runner, patterns, manifests, addresses, "
                "more than 64 inputs); name the files"
            )
        asked = {"seed": seed or 0, "device": device or "auto", "overwrite": overwrite, "batch": batch, "fresh": fresh}
        exporters = _exporters(run_of(replace(choice, person=None), inputs[:1], registry), export)
        besides = {"exporters": exporters, "picture": picture, "report": report}
        return everybody(choice, inputs, registry, out, asked, besides)
    if texts and (asked_many or many.too_many(texts, choice, registry)):
        ask = {"seed": seed or 0, "device": device or "auto", "overwrite": overwrite, "batch": batch, "fresh": fresh}
        drawings = [name for name, wanted in (("picture", picture), ("report", report)) if wanted]
        return many.run(texts, choice, registry, home or "runs", where, [*commas(export or "")], drawings, ask)
    if where.asked:
        raise DiffOptError("--runner, --workers, --shards and the like are for INPUT, and none is given")
    if not inputs:
        inputs = [demonstration(choice, registry, out or FOLDER, seed or 0, device or "auto", overwrite or out is None)]
        note("no INPUT given: solving the embedded demonstration; for your own file: diffopt run VIDEO|CASE.npz")
        out, overwrite = out or FOLDER, overwrite or out is None
    job = run_of(
        choice, inputs, registry, seed=seed or 0, device=device or "auto", overwrite=overwrite, batch=batch, fresh=fresh
    )
    one = len(job.inputs) == 1
    job = replace(job, out=out or (Path("runs") / job.inputs[0].stem if one else Path("runs")))
    job = drawn(replace(job, besides=tuple(_exporters(job, export))), picture, report)
    with viewed(job, viewer or (VIEWER if view else None)) as shows:
        failed: list[Failure] | None = None if one else []
        results = solve(job, shows, failed)
        status = finish(job, results, failed or ())
        if shows is not None:
            stay(shows, job, results, wait)
    return status


def _exporters(run: Run, formats: str | None) -> list[Exporter]:
    """The exporters of ``--export``, built before the solve, so that a missing package fails early."""
    from ..results.run import context

    names = commas(formats or "")
    ctx = context(run)
    return [ctx.build("exporter", name) for name in names]
