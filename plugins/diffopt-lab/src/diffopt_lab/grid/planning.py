"""Make a plan from a table definition and a folder of data.

Cases are clips listed by a dataset, case files, or cases simulated from a folder of motions. Their description appears
in the title of every table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.common.documents import write_json
from diffopt_core.common.npz import length_of, write_npz
from diffopt_core.common.words import counted
from diffopt_core.data.rotation import matrix_to_axis_angle
from diffopt_core.errors import BadInput, DiffOptError
from diffopt_core.host import recipe as recipes
from diffopt_core.host.own_words import check_programs
from diffopt_core.host.provenance import device as find_device
from diffopt_core.host.registry import Registry
from diffopt_core.interfaces import BuildContext, ListsClips
from diffopt_core.parts.datasets.configs import AmassConfig
from diffopt_core.parts.exporters import array
from diffopt_core.perception.perceive import open_clip
from diffopt_core.results.inputs import Input, keyed
from diffopt_core.results.run import most_together

from .plan import Plan, PlannedCase, PlannedRow, RowSpec, TableSpec, slug

SIMULATED = "simulated"
#: Cases to simulate, and frames of each, unless they are asked for.
_COUNT, _FRAMES = 16, 100


@dataclass(frozen=True)
class Simulate:
    """Number of cases and frames to simulate, None for the usual. ``fps``: frame rate of motions whose files do not
    state it."""

    count: int | None = None
    frames: int | None = None
    fps: float | None = None
    seed: int = 0

    def asked(self) -> dict[str, Any]:
        return asdict(self) | {"count": self.count or _COUNT, "frames": self.frames or _FRAMES}

    def hold_unused(self, path: Path) -> None:
        """Raises DiffOptError if something is asked of the simulator, and the data are cases already."""
        for flag, value in (("--count", self.count), ("--frames", self.frames), ("--source-fps", self.fps)):
            if value is not None:
                raise DiffOptError(f"{flag} {value}: {path} holds cases; the flag is for motions, of which cases are "
                                   "simulated")  # fmt: skip


@dataclass(frozen=True)
class Data:
    """Files to open, the dataset with its options, and a description of the data."""

    files: tuple[Path, ...]
    dataset: dict[str, Any] | None  # as a recipe's role; None: as in the recipe
    words: str


def find_data(path: Path, out: Path, spec: TableSpec, ctx: BuildContext, how: Simulate) -> Data:
    """The clips that a dataset lists at the path; else its case files; else cases simulated from its motions, stored in
    ``out/simulated``. Raises BadInput if there is none of these."""
    if not path.exists():
        raise BadInput(path, "--data", "does not exist")
    for name, row in ctx.host.components["dataset"].items():
        options = dict(spec.datasets.get(name, row.in_tables))
        dataset = ctx.build("dataset", name, options)
        if isinstance(dataset, ListsClips) and dataset.accepts(path):
            how.hold_unused(path)
            return _listed(path, spec, dataset, {"name": name, **options})
    case = ctx.build("dataset", "case")
    files = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.is_file())
    accepted = {file for file in files if case.accepts(file)}
    kinds = {
        file.suffix.lower() for file in accepted
    }  # a file of that kind that is not accepted is planned, and fails by name
    if own := tuple(file for file in files if file in accepted or file.suffix.lower() in kinds):
        how.hold_unused(path)
        return Data(own, {"name": "case"}, _kind(path, len(own)) + _not(spec))
    folder = out / SIMULATED
    made = simulated(path, folder, how)
    return Data(made, {"name": "case"}, f"{counted(len(made), 'case')} simulated from {path.name}{_not(spec)}")


def simulated(path: Path, folder: Path, how: Simulate) -> tuple[Path, ...]:
    """Simulate cases, or reuse those of an earlier run of the same grid."""
    from diffopt_core.parts.datasets.simulator.folder import simulate_folder

    asked = {"source": str(path.absolute()), **how.asked()}
    note = folder / "asked.json"
    try:
        same = json.loads(note.read_text()) == asked
    except (OSError, ValueError):
        same = False
    if not same:
        motion = AmassConfig(source_fps=how.fps) if how.fps else AmassConfig()
        simulate_folder(path, folder, asked["count"], seed=how.seed, frames=asked["frames"], motion=motion)
        write_json(note, asked)
    return tuple(sorted(folder.glob("case_*.npz")))[: asked["count"]]


def planned_cases(data: Data) -> tuple[PlannedCase, ...]:
    """Every case by its name; of a case file the length is read, no more. Raises DiffOptError if two have the same
    name."""
    found = keyed([Input("", str(path.absolute()), length=length_of(path, "keypoints")) for path in data.files])
    return tuple(PlannedCase(each.key, each.path, each.stamp, each.length) for each in found)


def keep_truth(case: PlannedCase, plan: Plan, registry: Registry, path: Path) -> None:
    """Write the ground truth of a case in the case format, for plots and for other systems' results."""
    try:
        clip = open_clip(Path(case.path), recipes.parse(plan.rows[0].recipe), registry.context())
    except DiffOptError:
        return  # its cells have failed, and say so
    truth = clip.truth
    if truth is None or truth.layout != "smpl24" or truth.index is not None:
        return
    arrays: dict[str, Any] = {"joints": array(truth.joints), "fps": np.array(clip.fps, np.float32)}
    if truth.good is not None:
        arrays["good"] = truth.good.cpu().numpy()
    if truth.motion is not None:
        rotvec = array(matrix_to_axis_angle(truth.motion.pose))
        arrays |= {"global_orient": rotvec[:, 0], "body_pose": rotvec[:, 1:], "transl": array(truth.motion.trans)}
    if truth.camera is not None:
        camera = truth.camera
        arrays |= {"cam_R": array(camera.R), "cam_t": array(camera.t), "cam_focal": array(camera.focal)}
    write_npz(path, arrays)


def _listed(path: Path, spec: TableSpec, dataset: ListsClips, role: dict[str, Any]) -> Data:
    clips: Sequence[Path] = dataset.clips(path)
    if spec.only:
        clips = [clip for clip in clips if any(word in clip.name for word in spec.only)]
        if not clips:
            raise BadInput(path, "--data", f"contains none of the table's sequences ({', '.join(spec.only)})")
    words = [str(role["name"]), *(f"{key} {value}" for key, value in role.items() if key != "name")]
    if spec.only:
        words.append(" and ".join(spec.only))
    return Data(tuple(clips), role, f"{', '.join(words)} ({counted(len(clips), 'clip')})")


def _not(spec: TableSpec) -> str:
    return f", not {spec.about}" if spec.about else ""


def _kind(path: Path, count: int) -> str:
    """Description of the case files; the simulator's index beside them marks simulated ones."""
    folder = path if path.is_dir() else path.parent
    try:
        index = json.loads((folder / "index.json").read_text())
        made = isinstance(index, list) and all("slam_scale" in entry for entry in index)
    except (OSError, ValueError, TypeError):
        made = False
    return f"{count} {'simulated cases' if made else 'case files'} of {folder.name}"


@dataclass(frozen=True)
class Asked:
    """The user's request. ``settings`` apply to every row. ``simulate``: used if the data is motions."""

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
    """Resolve the rows and list the cases. Motions are simulated into the grid's folder; nothing is solved. Raises
    DiffOptError for any error except that of a single case.
    """
    spec = asked.spec
    ctx = registry.context(find_device(asked.device))
    known = [name for name in spec.metrics if name in registry.components["metric"]]
    if unknown := [name for name in spec.columns.values() if name not in known]:
        registry.component("metric", unknown[0])  # raises, with the nearest name
    for name, folder in asked.systems.items():
        if not folder.is_dir():
            raise DiffOptError(f"--system {name}={folder}: not a folder; expected a folder of results")
    # Rows are read before the data, so that a misspelt setting fails early.
    for row in spec.row:
        _resolved(row, asked.settings, known, registry, None)
    data = find_data(asked.data, asked.out, spec, ctx, asked.simulate)
    parsed = [_resolved(row, asked.settings, known, registry, data) for row in spec.row]
    rows = [
        PlannedRow(row.key, row.label or row.key, row.group, recipe.dump())
        for row, recipe in zip(spec.row, parsed, strict=True)
    ]
    _check_names([row.name for row in rows], asked.systems)
    # How large the person is belongs to the method, not to the case.
    if len({str((r.dataset, r.input.model_copy(update={"size": None}))) for r in parsed}) > 1:
        raise DiffOptError("the rows do not use the same cases (dataset or input differ); run them as two grids")
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
        cases=planned_cases(data),
        seeds=asked.seeds,
        device=asked.device,
        plugins=registry.options,
        batch=asked.batch or spec.batch or most_together(ctx.device),
        systems={name: str(folder.absolute()) for name, folder in asked.systems.items()},
        notes=spec.notes,
        pooling=spec.pooling,
    )


def _resolved(
    row: RowSpec, settings: Sequence[str], metrics: Sequence[str], registry: Registry, data: Data | None
) -> recipes.Recipe:
    """The row's recipe with this grid's metrics and data. Its exporters default to what the report needs."""
    table = recipes.load(row.recipe, registry.recipes)
    table = recipes.merge(table, {"metrics": list(metrics), "exporters": ["npz", "evidence"]})
    if data is not None and data.dataset is not None:
        table = recipes.merge(table, {"dataset": data.dataset})
    source = f"recipe '{row.recipe}'"
    recipe = recipes.parse(recipes.assign(table, (*row.settings, *settings)), source)
    check_programs(recipe, recipes.assign({}, settings), registry, source, "--set {key}={value}")
    if not any(spec.name == "npz" for spec in recipe.exporters):
        raise DiffOptError("exporters: a grid needs npz among them, which its report reads")
    return recipe


def _check_names(rows: Sequence[str], systems: Mapping[str, Path]) -> None:
    """Check that every row has its own name and folder."""
    names = [*rows, *systems]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DiffOptError(f"two rows are called '{twice[0]}'; rename one")
    folders = [slug(name) for name in rows]
    if clash := [name for name, folder in zip(rows, folders, strict=True) if folders.count(folder) > 1]:
        raise DiffOptError(f"rows '{clash[0]}' and '{clash[1]}' would share a folder; rename one")
