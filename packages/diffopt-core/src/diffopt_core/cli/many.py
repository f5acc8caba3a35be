"""``diffopt run`` with many inputs: a plan of jobs, a runner that does them, and an index of the results."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..errors import DiffOptError
from ..host import completion
from .many_told import tell

if TYPE_CHECKING:
    from ..host.choice import Choice
    from ..host.registry import Registry
    from ..interfaces import Runner
    from ..results.inputs import Input
    from ..results.many import Ask

_where = partial(typer.Option, rich_help_panel="Where it runs")
RUNNER = _where(
    "--runner", help="local, ray, slurm; `diffopt show runner`.", autocompletion=completion.component("runner")
)
WORKERS = _where("--workers", min=1, help="Workers at a time.")
ADDRESS = _where("--address", help="Address of a running cluster (ray).")
OPTIONS = _where("--runner-set", metavar="KEY=VALUE", help="Option of the runner. Repeatable.")
LIMIT = _where("--limit-failures", min=0, metavar="N", help="Stop when more than N inputs have failed.")
SHARDS = _where("--shards/--folders", help="Results as archives with an index, or a folder each; default by number.")

#: More inputs than these are not solved in this process.
HERE = 64


@dataclass(frozen=True)
class Where:
    """The flags of this module."""

    runner: str | None
    workers: int | None
    address: str | None
    options: tuple[str, ...]
    limit: int | None
    shards: bool | None

    @property
    def asked(self) -> bool:
        return any(value not in (None, ()) for value in (self.runner, self.workers, self.address, self.options,
                                                         self.limit, self.shards))  # fmt: skip


def are_many(texts: Sequence[str], home: str | None) -> bool:
    from ..common.storage import is_address
    from ..results.inputs import is_many

    return is_many(texts) or (home is not None and is_address(home))


def too_many(texts: Sequence[str], choice: Choice, registry: Registry) -> bool:
    """Whether there are more inputs than one process should solve. A folder of images is one."""
    from ..perception.finding import expand

    large = [Path(text) for text in texts if os.path.isdir(text) and len(os.listdir(text)) > HERE]
    return len(texts) > HERE or (
        bool(large) and len(expand(large, registry, choice.resolve(registry), shots=False)) > HERE
    )


def run(
    texts: Sequence[str],
    choice: Choice,
    registry: Registry,
    home: str,
    where: Where,
    exporters: Sequence[str],
    drawings: Sequence[str],
    asked: dict[str, Any],
) -> int:
    """Plan, carry out what is missing, merge and tell. Returns 1 if an input has no sound result."""
    from ..results.carry import are_shards, carry_out
    from ..results.inputs import inputs_of
    from ..results.many import planned
    from ..results.run import most_together

    ctx = _context(registry, asked["device"])
    recipe = choice.resolve(registry)
    if choice.recipe is not None:  # as it is resolved here, for all workers
        choice = replace(choice, recipe=recipe, roles=(), settings=())
    inputs = inputs_of(texts, registry, recipe)
    _check_options(inputs, choice, registry, asked["device"])
    shards = are_shards(home, [each.key for each in inputs], where.shards)
    known = registry.components["exporter"]
    drawn = [] if shards else [name for name in drawings if name in known]
    batch = asked["batch"] or most_together(ctx.device)
    ask = _ask(choice, registry, home, [*exporters, *drawn], shards, {**asked, "batch": batch})
    runner = _runner(registry, ctx, where)
    plan = planned(inputs, [ask], batch, ctx.device.type)
    whole = ctx.device.type != "cpu"
    work, rows = carry_out(home, plan, runner, "inputs", asked["overwrite"], shards, whole, where.limit)
    return tell(home, rows, len(inputs), work.stopped, work.notices)


def _check_options(inputs: Sequence[Input], choice: Choice, registry: Registry, device: str) -> None:
    """Keys of the recipe in a manifest, each combination once, before any job."""
    from ..results.inputs import chosen
    from ..results.run import Run, check_components, context

    first = {tuple(pair for pair in each.options if "." in pair[0]): each for each in reversed(inputs)}
    for options, each in first.items():
        if options:
            try:
                probe = Run((), chosen(choice, options).resolve(registry), registry, None, device=device)
                check_components(probe, context(probe))
            except DiffOptError as error:
                raise DiffOptError(f"input '{each.key}' of the manifest: {error}") from error


def _ask(
    choice: Choice, registry: Registry, home: str, exporters: Sequence[str], shards: bool, asked: dict[str, Any]
) -> Ask:
    """What every job is asked for. Whatever is wrong with it for every input is raised here, before any job."""
    from ..results.many import Ask
    from ..results.run import Run, check_components, context

    probe = Run((), choice.resolve(registry), registry, None, asked["seed"], asked["device"])
    ctx = context(probe)
    check_components(probe, ctx)
    for name in exporters:
        ctx.build("exporter", name)
    return Ask(choice, home, registry.options, exporters=tuple(exporters), shards=shards, **asked)


def _context(registry: Registry, device: str) -> Any:
    from ..host.provenance import device as find_device

    return registry.context(find_device(device))


def _runner(registry: Registry, ctx: Any, where: Where) -> Runner:
    from ..host.recipe import assign

    named = {"workers": where.workers, "address": where.address}
    options = assign({key: value for key, value in named.items() if value is not None}, where.options)
    return ctx.build("runner", where.runner or "local", options)
