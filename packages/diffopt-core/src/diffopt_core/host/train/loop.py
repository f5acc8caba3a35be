"""One training loop for every network: progress, log, checkpoints, curves, and an end on time.

Folder of a run: ``checkpoint.pt`` (resumable), ``log.jsonl`` (losses and reports), ``curves.png`` and the
weights with their card. A run that is killed loses at most ``export_minutes`` of work.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from ...common.voice import answer
from ...errors import BadInput, DiffOptError
from .curves import draw
from .progress import progress

#: Steps whose losses are averaged into one line of the log.
_LOG_EVERY = 50


@runtime_checkable
class Rates(Protocol):
    """The part of the settings that the loop reads."""

    @property
    def rate(self) -> float: ...

    @property
    def warmup(self) -> int: ...


@runtime_checkable
class Training(Protocol):
    """State of one run. Every draw comes from a generator seeded by (seed, step), so that a resumed run continues
    bit for bit like one that was never stopped."""

    name: str  # of what is trained: names the weight file
    step_index: int

    @property
    def settings(self) -> Rates: ...

    def step(self, rate: float) -> dict[str, Tensor]:
        """One optimiser step; detached losses, ``loss`` among them."""
        ...

    def evaluate(self) -> dict[str, Any]:
        """Quality on held-out data, as JSON."""
        ...

    def save(self, path: Path) -> None:
        """Checkpoint, replaced in one step."""
        ...

    def export(self, path: Path, report: dict[str, Any]) -> None:
        """Weights and card."""
        ...


@dataclass(frozen=True)
class Limits:
    """When to stop. ``steps``: at this step, decaying over the last fifth; ``minutes``: after so long, without
    decay; ``finish``: after so many more steps, decaying to zero from here."""

    steps: int | None = None
    minutes: float | None = None
    finish: int | None = None
    export_minutes: float = 15.0


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Tensors and plain values, replaced in one step: a kill leaves the old checkpoint or the new one."""
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


@contextmanager
def resuming(path: Path, name: str) -> Iterator[dict[str, Any]]:
    """What :func:`write_checkpoint` wrote; a block that cannot make a training ``name`` of it ends in BadInput."""
    try:
        yield torch.load(path, weights_only=True)
    except Exception as error:  # a damaged checkpoint can raise almost anything
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        remedy = "leave --resume out to start anew"
        raise BadInput(path, "checkpoint", f"not a checkpoint of `diffopt train {name}` ({why}); {remedy}") from error


def rate_at(step: int, rates: Rates, decay_from: int | None, last: int | None) -> float:
    """Linear warm-up, constant, then a linear decay to zero between ``decay_from`` and ``last``."""
    rate = rates.rate * min(1.0, (step + 1) / max(1, rates.warmup))
    if decay_from is None or last is None or step < decay_from:
        return rate
    return rate * max(0.0, (last - step) / max(1, last - decay_from))


def run(training: Training, out: Path, limits: Limits, export_to: Path | None = None) -> None:
    """Train until a limit is met; write checkpoint, report, curves and weights every ``export_minutes``.

    Answers for the command: files, step and the last report.
    """
    if limits.steps is None and limits.minutes is None and limits.finish is None:
        raise DiffOptError(f"train {training.name}: give an end: --steps, --minutes or --finish")
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "checkpoint.pt"
    last = limits.steps
    decay_from = None if last is None else int(last * 0.8)
    if limits.finish is not None:
        decay_from, last = training.step_index, training.step_index + limits.finish
        # The decayed state is a dead end: leave the constant-rate checkpoint for whoever trains on.
        checkpoint = out / "finished.pt"
    began = exported = time.monotonic()
    with (out / "log.jsonl").open("a") as log, progress(f"train {training.name}", last) as show:

        def note(**values: Any) -> None:
            log.write(json.dumps({"step": training.step_index, **values}) + "\n")
            log.flush()

        def publish() -> None:
            training.save(checkpoint)
            report = training.evaluate()
            note(report=report)
            for path in (out / f"{training.name}.safetensors", *([export_to] if export_to else [])):
                training.export(path, report)
            draw(out / "log.jsonl", out / "curves.png")
            files = ("log.jsonl", "curves.png", checkpoint.name, f"{training.name}.safetensors")
            told = {"folder": out, "files": files, "step": training.step_index}
            answer({**told, "seconds": round(time.monotonic() - began, 1), "report": report})

        recent: list[dict[str, Tensor]] = []
        while last is None or training.step_index < last:
            recent.append(training.step(rate_at(training.step_index, training.settings, decay_from, last)))
            now = time.monotonic()
            if training.step_index % _LOG_EVERY == 0:
                means = {key: float(torch.stack([part[key] for part in recent]).mean()) for key in recent[0]}
                recent.clear()
                note(seconds=round(now - began, 1), **means)
                show(training.step_index, means["loss"])
            if now - exported > limits.export_minutes * 60:
                publish()
                exported = time.monotonic()
            if limits.minutes is not None and now - began > limits.minutes * 60:
                break
        publish()
