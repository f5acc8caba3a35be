"""``diffopt ablate``: run a table of the paper, or any recipes, on cases with ground truth and several seeds, and
report it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from diffopt_core.common.console import say
from diffopt_core.common.options import Plugins, commas, output
from diffopt_core.common.output import answer, speaks
from diffopt_core.errors import DiffOptError
from diffopt_core.host import completion

from .sheets import Protocol, tables

if TYPE_CHECKING:
    from diffopt_core.host.registry import Registry

    from ..study import Study

NAME = "ablate"
PANEL = "Evaluate"
_where = partial(typer.Option, rich_help_panel="Where it runs")
_case = partial(typer.Option, rich_help_panel="Cases")
_RECIPES = typer.Option(
    "--recipes", metavar="A,B", help="Recipes instead of the table's rows.",
    autocompletion=completion.recipe(many=True),
)  # fmt: skip
_SYSTEMS = typer.Option(
    "--system", metavar="NAME=FOLDER", help="Results of another system as a row: FOLDER/<case>.npz. Repeatable."
)


def command(
    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE",
            help="table2 to table5, best-parts, a .toml of your own, or recipes: paper,table5/vposer.",
            autocompletion=tables,
        ),
    ],
    data: Annotated[Path, _case("--data", help="Case files with ground truth, EMDB, or motions to simulate from.")],
    out: Annotated[Path | None, output("--out", "-o", help="The grid's folder; default runs/<table>.")] = None,
    seeds: Annotated[str, typer.Option(metavar="0,1,2", help="Seeds, separated by commas.")] = "0",
    rows: Annotated[str | None, _RECIPES] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY.PATH=VALUE", help="Set a key of every row's recipe. Repeatable."),
    ] = None,
    systems: Annotated[list[str] | None, _SYSTEMS] = None,
    protocol_name: Protocol = None,
    device: Annotated[str, _where(help="auto, cpu or cuda.")] = "auto",
    runner: Annotated[
        str, _where(help="local, ray, slurm; `diffopt show runner`.", autocompletion=completion.component("runner"))
    ] = "local",
    workers: Annotated[int | None, _where(min=1, help="Workers at a time.")] = None,
    address: Annotated[str | None, _where(help="Address of a running cluster (ray).")] = None,
    options: Annotated[
        list[str] | None, _where("--runner-set", metavar="KEY=VALUE", help="Option of the runner. Repeatable.")
    ] = None,
    batch: Annotated[int | None, _where(min=1, help="Most cases per solve; default: the table's.")] = None,
    count: Annotated[
        int | None, _case("--count", "-n", min=1, help="Cases to simulate from motions, [dim]default: 16[/].")
    ] = None,
    frames: Annotated[int | None, _case(min=3, help="Frames of a simulated case, [dim]default: 100[/].")] = None,
    source_fps: Annotated[float | None, _case(help="Frame rate of motions whose files do not state it.")] = None,
    overwrite: Annotated[bool, output("--overwrite", help="Replace cells of a different run.")] = False,
    only_report: Annotated[bool, output("--report-only", help="Do not solve; report the existing cells.")] = False,
    plugins: Plugins = None,
) -> int:
    """Run a grid of recipes, cases and seeds, and write its report. Run it again to resume.

    Example: diffopt ablate best --data runs/demo/motion.npz --count 1 (after diffopt demo)
    """
    from diffopt_core.host.registry import Registry
    from diffopt_core.results.folder import ResultFolder

    from ..grid.carry_out import carry_out
    from ..grid.collect import collect
    from ..grid.plan import table as find_table
    from ..grid.planning import Asked, Simulate, make_plan
    from ..study import write_report

    registry = Registry.load(plugins or ())
    name, spec = find_table(table, registry.recipes, commas(rows) if rows else ())
    if protocol_name:
        from ..study.protocols import protocol

        chosen = protocol(protocol_name)
        spec = spec.model_copy(
            update={
                "columns": chosen.columns,
                "pooling": chosen.pooling,
                "notes": (*spec.notes, f"{chosen.name}: {chosen.source}."),
            }
        )
    folder = out or Path("runs") / name
    simulate = Simulate(count, frames, source_fps)
    asked = Asked(
        name, spec, data, folder, _seeds(seeds), tuple(settings or ()), device, batch, _folders(systems), simulate
    )
    hands = _runner(registry, runner, device, workers, address, options or ())
    with ResultFolder(folder).claimed():
        plan = make_plan(asked, registry)
        plan.write(folder)
        if not only_report:
            carry_out(plan, folder, hands, overwrite)
        study = collect(plan, folder, registry)
        written = write_report(study, folder)
    return _finish(study, written)


def _finish(study: Study, written: Sequence[Path]) -> int:
    """Print the main table; returns 1 if a cell failed or diverged."""
    from ..study.data import as_data
    from ..study.layouts import main
    from .sheets import print_failures, print_sheet

    answer(as_data(study))
    if speaks():
        for sheet in main(study):
            print_sheet(sheet)
        folder = written[0].parent
        say(f"wrote {folder}: {', '.join(str(path.relative_to(folder)) for path in written)}")
    return print_failures(study)


def _runner(
    registry: Registry, name: str, device: str, workers: int | None, address: str | None, settings: Sequence[str]
) -> Any:
    from diffopt_core.host.provenance import device as find_device
    from diffopt_core.host.recipe import assign

    named = {"workers": workers, "address": address}
    options = assign({key: value for key, value in named.items() if value is not None}, settings)
    return registry.context(find_device(device)).build("runner", name, options)


def _seeds(text: str) -> tuple[int, ...]:
    try:
        found = tuple(dict.fromkeys(int(word) for word in commas(text)))
    except ValueError:
        found = ()
    if not found or min(found) < 0:
        raise DiffOptError(f"--seeds {text}: expected numbers separated by commas, e.g. 0,1,2")
    return found


def _folders(systems: Sequence[str] | None) -> dict[str, Path]:
    found = {}
    for text in systems or ():
        name, equals, folder = text.partition("=")
        if not (name and equals and folder):
            raise DiffOptError(f"--system {text}: expected NAME=FOLDER")
        found[name] = Path(folder)
    return found
