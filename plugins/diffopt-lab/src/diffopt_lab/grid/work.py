"""Execute one job of a grid; the status files of its cells."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from diffopt_core.common.documents import write_json
from diffopt_core.errors import DiffOptError
from diffopt_core.host.recipe import parse
from diffopt_core.host.registry import Registry
from diffopt_core.results.execute import execute
from diffopt_core.results.failures import DiskFull, Failure, stop_if_full
from diffopt_core.results.run import Run

from ..study.model import State

NAME = "status.json"
MOTION = "motion.npz"


@dataclass(frozen=True)
class Status:
    """``fingerprint``: of the run. ``initial``, ``final``, ``truth``: scores. ``seconds``: of the whole batch of
    ``together`` cases, by stage. ``trace``: traceback of an error that is a bug, not a bad input."""

    state: State
    fingerprint: str = ""
    initial: dict[str, float | None] = field(default_factory=dict)
    final: dict[str, float | None] = field(default_factory=dict)
    truth: dict[str, float | None] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    together: int = 1
    memory: float | None = None
    error: str | None = None
    trace: str | None = None

    def as_json(self) -> str:
        return json.dumps({**asdict(self), "state": str(self.state)})


def status_of(text: str) -> Status | None:
    """The status that :meth:`Status.as_json` wrote; None if it is none."""
    try:
        saved = json.loads(text)
        return Status(**{**saved, "state": State(saved["state"])})
    except (ValueError, KeyError, TypeError):
        return None


def read_status(folder: Path) -> Status | None:
    """The status in a folder; None if it is missing or unreadable, or if its result is missing."""
    try:
        status = status_of((folder / NAME).read_text())
    except (OSError, ValueError):
        return None
    if status is None or status.state is State.FAILED:
        return status
    return status if (folder / MOTION).is_file() and (folder / "run.json").is_file() else None


def write_status(folder: Path, status: Status) -> None:
    write_json(folder / NAME, {**asdict(status), "state": str(status.state)})


def status_of_result(folder: Path) -> Status | None:
    """The status of the result in ``folder``, from its ``run.json``; None without a result."""
    try:
        run: dict[str, Any] = json.loads((folder / "run.json").read_text())
        made, scores = run["provenance"], run["metrics"]
        memory = made.get("memory", {})
        return Status(
            state=State.DIVERGED if run["status"] == "diverged" else State.DONE,
            fingerprint=run["fingerprint"],
            initial=_finite(scores.get("initial", {})),
            final=_finite(scores.get("final", {})),
            truth=_finite(scores.get("truth", {})),
            seconds=made["seconds"],
            together=len(made["batch"]),
            memory=memory.get("device_mib") or memory.get("host_mib"),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _finite(values: dict[str, float]) -> dict[str, float | None]:
    """nan (not valid JSON) as null."""
    return {name: value if value == value else None for name, value in values.items()}


CALL = f"{__name__}:solve_cells"
#: Seconds between progress updates of a job.
_PACE = 0.5


def solve_cells(data: dict[str, Any]) -> dict[str, Any]:
    """Solve and write the cells of ``data``; a failing case does not affect others. Every cell gets a status file.

    ``data``: ``recipe``, ``plugins``, ``seed``, ``device``, ``batch``, ``folder`` (of the cells), ``cases`` (name ->
    path), ``overwrite``, ``progress`` (a file), ``label`` (for display). Returns ``states`` (name -> state), ``wall``
    (s), and ``full`` if the disk is full.
    """
    _forget_peak()
    began = time.perf_counter()
    folder = Path(data["folder"])
    try:
        failed = _Work(data, folder).solve(list(data["cases"]))
        states = {name: _record(folder / name, failed.get(name)) for name in data["cases"]}
    except DiskFull as error:
        return {"full": str(error), "states": {}}
    finally:
        with suppress(OSError):
            Path(data["progress"]).unlink(missing_ok=True)
    return {"full": None, "states": states, "wall": time.perf_counter() - began}


class _Work:
    def __init__(self, data: dict[str, Any], folder: Path):
        self._data, self._folder = data, folder
        self._registry = _registry(tuple(data["plugins"]))
        self._recipe = parse(data["recipe"])
        self._report = _Progress(Path(data["progress"]), data["label"])

    def solve(self, names: Sequence[str]) -> dict[str, Failure]:
        """Solve all cases together; returns those that failed."""
        failed: list[Failure] = []
        paths = {self._data["cases"][name]: name for name in names}
        try:
            execute(self._run(names), self._report, failed=failed)
        except DiskFull:
            raise
        except Exception as error:  # what concerns them all
            stop_if_full(error, self._folder)
            failed = [Failure.of(name, path, error) for path, name in paths.items()]
        return {paths.get(each.path, each.name): each for each in failed}

    def _run(self, names: Sequence[str]) -> Run:
        data = self._data
        inputs = tuple(Path(data["cases"][name]) for name in names)
        out = self._folder / names[0] if len(names) == 1 else self._folder
        return Run(
            inputs, self._recipe, self._registry, out, data["seed"], data["device"], data["overwrite"], data["batch"]
        )


class _Progress:
    """Progress callback of a run: writes a file that the grid's main process reads."""

    def __init__(self, path: Path, label: str):
        self._path, self._label, self._last = path, label, 0.0

    def __call__(self, stage: str, done: int, total: int, means: dict[str, float]) -> None:
        now = time.monotonic()
        if now - self._last < _PACE and done < total:
            return
        self._last = now
        part = self._path.with_suffix(".part")
        with suppress(OSError):  # progress is not essential
            part.write_text(json.dumps({"label": self._label, "stage": stage, "done": done, "total": total}))
            os.replace(part, self._path)


def _record(folder: Path, failed: Failure | None) -> str:
    """Write the status of a cell; returns its state."""
    if failed is not None:
        status = Status(State.FAILED, error=failed.error, trace=failed.trace)
    else:
        status = status_of_result(folder) or Status(State.FAILED, error=f"{folder}: its result cannot be read")
    try:
        write_status(folder, status)
    except DiffOptError as problem:
        stop_if_full(problem, folder)
        raise
    return str(status.state)


@cache
def _registry(plugins: tuple[str, ...]) -> Registry:
    return Registry.load(plugins)


def _forget_peak() -> None:
    """Reset the process's peak memory, if the system can (Linux), as a worker runs many jobs."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
