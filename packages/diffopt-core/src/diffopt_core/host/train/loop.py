"""The training loop of all networks: progress, log, checkpoints, curves, time limits.

Folder of a run: ``checkpoint.pt`` (resumable), ``log.jsonl`` (losses and reports), ``curves.png`` and the weights with
their card. A killed run loses at most ``export_minutes`` of work.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...common.output import answer
from ...common.progress import terminal_bar
from ...errors import DiffOptError
from .settings import Limits, TrainingSettings
from .trainer import NetworkTraining

_NOT_CURVES = {"step", "seconds", "report"}
#: Section of a report that describes the data and does not change.
_CONSTANT = "data"


def _numbers(report: dict[str, Any], prefix: str = "") -> dict[str, float]:
    """Leaves of a nested report, by slash-joined names."""
    found: dict[str, float] = {}
    for key, value in report.items():
        name = f"{prefix}/{key}" if prefix else str(key)
        if key == _CONSTANT:
            continue
        if isinstance(value, dict):
            found |= _numbers(value, name)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = float(value)
    return found


def _panels(lines: list[dict[str, Any]]) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """Panel -> curve -> points. All losses share one panel; every section of the reports has its own."""
    panels: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for line in lines:
        for key, value in line.items():
            if key not in _NOT_CURVES:
                panels.setdefault("training", {}).setdefault(key, []).append((line["step"], value))
        for name, value in _numbers(line.get("report", {})).items():
            group, _, curve = name.rpartition("/")
            panels.setdefault(group or "validation", {}).setdefault(curve, []).append((line["step"], value))
    return panels


def draw(log: Path, out: Path) -> None:
    """Write the curves as PNG, atomically. An empty log draws nothing."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line]
    panels = _panels(lines)
    if not panels:
        return
    from matplotlib.figure import Figure

    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(5.2 * columns, 3.6 * rows), layout="constrained")
    for i, (title, curves) in enumerate(panels.items()):
        axes = figure.add_subplot(rows, columns, i + 1)
        for name, points in curves.items():
            steps, values = zip(*points, strict=True)
            axes.plot(steps, values, label=name, linewidth=1.2, marker="." if len(points) < 30 else None)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("step")
        # Losses span decades; curves that reach zero need the linear part of the scale.
        axes.set_yscale("symlog", linthresh=1e-3)
        axes.grid(alpha=0.25)
        axes.legend(fontsize=7)
    temporary = out.with_suffix(".tmp.png")
    figure.savefig(temporary, dpi=110)
    os.replace(temporary, out)


#: Steps whose losses are averaged into one line of the log.
_LOG_EVERY = 50


def rate_at(step: int, settings: TrainingSettings, decay_from: int | None, last: int | None) -> float:
    """Linear warm-up, constant, then a linear decay to zero between ``decay_from`` and ``last``."""
    rate = settings.rate * min(1.0, (step + 1) / max(1, settings.warmup))
    if decay_from is None or last is None or step < decay_from:
        return rate
    return rate * max(0.0, (last - step) / max(1, last - decay_from))


def run(training: NetworkTraining, out: Path, limits: Limits, export_to: Path | None = None) -> None:
    """Train until a limit is met; write checkpoint, report, curves and weights every ``export_minutes``.

    Sets the command's ``--json`` document: files, step and the last report.
    """
    if limits.steps is None and limits.minutes is None and limits.finish is None:
        raise DiffOptError(f"train {training.name}: no end is given; use --steps, --minutes or --finish")
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "checkpoint.pt"
    last = limits.steps
    decay_from = None if last is None else int(last * 0.8)
    if limits.finish is not None:
        decay_from, last = training.step_index, training.step_index + limits.finish
        # The decayed state is not resumable: keep the checkpoint at constant rate.
        checkpoint = out / "finished.pt"
    began = exported = time.monotonic()
    with (out / "log.jsonl").open("a") as log, terminal_bar(f"train {training.name}", last, transient=False) as show:

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
                show(training.step_index, f": loss {means['loss']:.4f}")
            if now - exported > limits.export_minutes * 60:
                publish()
                exported = time.monotonic()
            if limits.minutes is not None and now - began > limits.minutes * 60:
                break
        publish()
