"""What is on disk of a cell: ``status.json`` beside the result, written after it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..datasets.npz import atomic
from ..study.model import State

NAME = "status.json"
MOTION = "motion.npz"


@dataclass(frozen=True)
class Status:
    """``fingerprint``: of the run that made it. ``initial``, ``final``: scores. ``seconds``: of the whole batch of
    ``together`` cases, by stage. ``trace``: of an error that is a fault and not an input."""

    state: State
    fingerprint: str = ""
    initial: dict[str, float | None] = field(default_factory=dict)
    final: dict[str, float | None] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    together: int = 1
    memory: float | None = None
    error: str | None = None
    trace: str | None = None


def read_status(folder: Path) -> Status | None:
    """None where nothing readable is there, or the result that it speaks of is gone."""
    try:
        saved = json.loads((folder / NAME).read_text())
        status = Status(**{**saved, "state": State(saved["state"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    kept = status.state is State.FAILED or ((folder / MOTION).is_file() and (folder / "run.json").is_file())
    return status if kept else None


def write_status(folder: Path, status: Status) -> None:
    with atomic(folder / NAME) as file:
        file.write((json.dumps({**asdict(status), "state": str(status.state)}, indent=1) + "\n").encode())


def status_of_result(folder: Path) -> Status | None:
    """The status that the result in ``folder`` deserves, by its ``run.json``; None where there is none."""
    try:
        run: dict[str, Any] = json.loads((folder / "run.json").read_text())
        made, scores = run["provenance"], run["metrics"]
        memory = made.get("memory", {})
        return Status(
            state=State.DIVERGED if run["status"] == "diverged" else State.DONE,
            fingerprint=run["fingerprint"],
            initial=_finite(scores.get("initial", {})),
            final=_finite(scores.get("final", {})),
            seconds=made["seconds"],
            together=len(made["batch"]),
            memory=memory.get("device_mib") or memory.get("host_mib"),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _finite(values: dict[str, float]) -> dict[str, float | None]:
    """nan, which is no JSON, as null."""
    return {name: value if value == value else None for name, value in values.items()}
