"""Table definitions (rows, columns, part of a dataset; TOML files, shipped and the user's), and the plan of a grid:
everything to solve, as data, stored as ``plan.json`` in the grid's folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from diffopt_core.common.documents import read_toml, write_json
from diffopt_core.common.options import commas
from diffopt_core.errors import BadInput, UnknownName
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..study.model import Layout, Pooling

_FOLDER = Path(__file__).parent / "tables"
#: Default columns: trajectory, then body, then motion.
COLUMNS: dict[str, str] = {
    "MPJPE": "mpjpe_rigid",
    "G-MPJPE": "rigid_clip",
    "MPVPE": "mpvpe",
    "G-MPVPE": "rigid_clip_mesh",
    "W": "W-MPJPE100",
    "WA": "WA-MPJPE100",
    "RTE": "RTE",
    "PA": "pa_mpjpe",
    "jitter": "jitter",
    "foot sliding": "foot_sliding_joints",
}


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RowSpec(_Spec):
    """A recipe with settings (as for ``--set``). ``name`` distinguishes two rows with the same recipe."""

    recipe: str
    name: str = ""
    label: str = ""
    group: str = ""
    settings: tuple[str, ...] = Field((), alias="set")

    @property
    def key(self) -> str:
        return self.name or " ".join((self.recipe, *self.settings))


class TableSpec(_Spec):
    """``datasets``: options of datasets that list clips, by name, used if they recognise the data; ``only``: a sequence
    name must contain one of these words. ``about``: the data of the published table; other data gets a note. ``also``:
    metrics computed in addition to the columns."""

    title: str
    layout: Layout = "differences"
    reference: str | None = None
    columns: dict[str, str] = COLUMNS
    also: tuple[str, ...] = ("first_frame", "path_ratio", "nemo_local", "camera_pelvis", "rigid_clip_by_mesh")
    pooling: Pooling = "clips"
    row: tuple[RowSpec, ...]
    datasets: dict[str, dict[str, Any]] = {}
    about: str = ""
    only: tuple[str, ...] = ()
    batch: int | None = Field(None, ge=1, description="most cases per solve; null: 8 on a CPU, 64 on a GPU")
    initial: bool = Field(True, description="add a row for the initial placement")
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _rows_have_names_of_their_own(self) -> TableSpec:
        keys = [row.key for row in self.row]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise ValueError(f"two rows are called '{twice[0]}'; give each its own name")
        if not keys:
            raise ValueError("a table needs rows")
        if self.reference is not None and self.reference not in keys:
            raise ValueError(f"reference '{self.reference}' is not one of the rows ({', '.join(keys)})")
        return self

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.columns.values(), *self.also)))


def names() -> list[str]:
    """The paper's tables."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def table(asked: str, recipes: Mapping[str, Path], rows: Sequence[str] = ()) -> tuple[str, TableSpec]:
    """Name and content of a table: a shipped one, a user's ``.toml``, or recipes separated by commas. ``rows`` replaces
    the rows by these recipes; those of the table keep their label and group.
    """
    if asked in names():
        name, spec = asked, _read(_FOLDER / f"{asked}.toml")
    elif _is_table(Path(asked)):
        name, spec = Path(asked).stem, _read(Path(asked))
    else:
        recipe_names = commas(asked)
        if (
            unknown := [n for n in recipe_names if n not in recipes and not n.lower().endswith(".toml")]
            or not recipe_names
        ):
            first = unknown[0] if isinstance(unknown, list) else asked
            raise UnknownName("table or recipe", first, [*names(), *recipes])
        own = tuple(RowSpec(recipe=recipe) for recipe in recipe_names)
        name, spec = "ablation", TableSpec(title="Ablation", row=own, reference=own[0].key)
    return name, _with_rows(spec, rows) if rows else spec


def _with_rows(spec: TableSpec, rows: Sequence[str]) -> TableSpec:
    have = {row.key: row for row in spec.row}
    chosen = tuple(have.get(row) or RowSpec(recipe=row) for row in rows)
    kept = spec.reference in {row.key for row in chosen}
    return TableSpec(
        **{**spec.model_dump(exclude={"row"}), "row": chosen, "reference": spec.reference if kept else chosen[0].key}
    )


def _is_table(path: Path) -> bool:
    """Whether the file is a table (it has rows) and not a recipe."""
    if path.suffix.lower() != ".toml" or not path.is_file():
        return False
    try:
        return "row" in read_toml(path)
    except BadInput:
        return True  # read again later, which reports the error


def _read(path: Path) -> TableSpec:
    try:
        return TableSpec.model_validate(read_toml(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "table"
        raise BadInput(path, where, first["msg"].removeprefix("Value error, ")) from error


NAME = "plan.json"
CELLS = "cells"
TRUTH = "truth"


@dataclass(frozen=True)
class PlannedRow:
    """``recipe``: resolved, as ``Recipe.dump`` gives it."""

    name: str
    label: str
    group: str
    recipe: dict[str, Any] = field(hash=False)


@dataclass(frozen=True)
class PlannedCase:
    """``stamp``: what changes with its file or its ground truth. ``length``: frames in its file, by which cases are put
    together; 0: not known. Workers open it: whatever is wrong with it is in the index of the cells."""

    name: str
    path: str
    stamp: str
    length: int = 0


@dataclass(frozen=True)
class Key:
    """Identifies a cell."""

    row: PlannedRow
    case: PlannedCase
    seed: int

    @property
    def text(self) -> str:
        """Of its result in the index of the cells."""
        return f"{below(self.row, self.seed)}/{self.case.name}"


@dataclass(frozen=True)
class Plan:
    """``data``: description of the cases. ``columns``: column label -> metric. ``systems``: other systems' results,
    name -> folder."""

    name: str
    title: str
    data: str
    layout: Layout
    reference: str | None
    initial: bool
    columns: dict[str, str]
    metrics: tuple[str, ...]
    rows: tuple[PlannedRow, ...]
    cases: tuple[PlannedCase, ...]
    seeds: tuple[int, ...]
    device: str
    plugins: tuple[str, ...]
    batch: int
    systems: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    pooling: Pooling = "clips"

    def grid(self) -> Iterator[Key]:
        for row in self.rows:
            for seed in self.seeds:
                for case in self.cases:
                    yield Key(row, case, seed)

    def write(self, out: Path) -> None:
        write_json(out / NAME, {"diffopt_grid": 1, **asdict(self)})


def below(row: PlannedRow, seed: int) -> str:
    """Folder of the cells of a row and a seed, below :data:`CELLS`."""
    return f"{slug(row.name)}/seed{seed}"


def slug(name: str) -> str:
    """A folder name; a short hash suffix keeps different names distinct."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "row"
    if plain == name.replace("/", "-"):
        return plain
    return f"{plain[:60]}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
