"""From a table's description and a folder of data to a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from diffopt_core.errors import DiffOptError
from diffopt_core.host import recipe as recipes
from diffopt_core.host.own_words import check_programs
from diffopt_core.host.provenance import device as find_device
from diffopt_core.host.registry import Registry

from .cases import Data, Simulate, find_data, open_cases
from .plan import Plan, PlannedRow, slug
from .table_spec import RowSpec, TableSpec


@dataclass(frozen=True)
class Asked:
    """What the user asks for. ``settings`` are laid on every row. ``simulate``: cases, where the data is motions."""

    name: str
    spec: TableSpec
    data: Path
    out: Path
    seeds: tuple[int, ...] = (0,)
    settings: tuple[str, ...] = ()
    device: str = "auto"
    batch: int | None = None
    systems: Mapping[str, Path] = field(default_factory=dict)
    simulate: Simulate = field(default_factory=Simulate)


def make_plan(asked: Asked, registry: Registry) -> Plan:
    """Resolve the rows, open the cases. Writes ``truth/`` (and ``simulated/``) into the grid's folder; no solve.

    Raises DiffOptError for anything of it that is wrong but a single case.
    """
    spec = asked.spec
    ctx = registry.context(find_device(asked.device))
    known = [name for name in spec.metrics if name in registry.components["metric"]]
    if unknown := [name for name in spec.columns.values() if name not in known]:
        registry.component("metric", unknown[0])  # raises, with the nearest name
    for name, folder in asked.systems.items():
        if not folder.is_dir():
            raise DiffOptError(f"--system {name}={folder}: is no folder of results")
    # Rows are read before the data: a misspelt setting should not wait for a thousand clips.
    for row in spec.row:
        _resolved(row, asked.settings, known, registry, None)
    data = find_data(asked.data, asked.out, spec, ctx, asked.simulate)
    parsed = [_resolved(row, asked.settings, known, registry, data) for row in spec.row]
    rows = [
        PlannedRow(row.key, row.label or row.key, row.group, recipe.dump())
        for row, recipe in zip(spec.row, parsed, strict=True)
    ]
    _check_names([row.name for row in rows], asked.systems)
    if len({str((r.dataset, r.input)) for r in parsed}) > 1:
        raise DiffOptError("the rows do not read the same cases (dataset or input differ); compare them in two grids")
    return Plan(
        name=asked.name,
        title=spec.title,
        data=data.words,
        layout=spec.layout,
        reference=spec.reference or rows[0].name,
        initial=spec.initial,
        columns=dict(spec.columns),
        metrics=tuple(known),
        rows=tuple(rows),
        cases=open_cases(data, parsed[0], ctx, asked.out),
        seeds=asked.seeds,
        device=asked.device,
        plugins=registry.options,
        batch=asked.batch or spec.batch,
        systems={name: str(folder.absolute()) for name, folder in asked.systems.items()},
        notes=spec.notes,
        pooling=spec.pooling,
    )


def _resolved(
    row: RowSpec, settings: Sequence[str], metrics: Sequence[str], registry: Registry, data: Data | None
) -> recipes.Recipe:
    """The row's recipe with this grid's metrics and data. A grid writes what its report is drawn from, unless a
    setting says otherwise."""
    table = recipes.load(row.recipe, registry.recipes)
    table = recipes.merge(table, {"metrics": list(metrics), "exporters": ["npz", "evidence"]})
    if data is not None and data.dataset is not None:
        table = recipes.merge(table, {"dataset": data.dataset})
    source = f"recipe '{row.recipe}'"
    recipe = recipes.parse(recipes.assign(table, (*row.settings, *settings)), source)
    check_programs(recipe, recipes.assign({}, settings), registry, source, "--set {key}={value}")
    if not any(spec.name == "npz" for spec in recipe.exporters):
        raise DiffOptError("exporters: a grid needs npz among them, which its report is drawn from")
    return recipe


def _check_names(rows: Sequence[str], systems: Mapping[str, Path]) -> None:
    """Every row has a name and a folder of its own."""
    names = [*rows, *systems]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DiffOptError(f"two rows are called '{twice[0]}'; give one another name")
    folders = [slug(name) for name in rows]
    if clash := [name for name, folder in zip(rows, folders, strict=True) if folders.count(folder) > 1]:
        raise DiffOptError(f"rows '{clash[0]}' and '{clash[1]}' would share a folder; rename one")
