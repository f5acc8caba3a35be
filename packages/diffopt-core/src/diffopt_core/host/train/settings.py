"""Settings common to all trainings, and limits of a run. No torch, because the command line reads the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from typing import Any, get_type_hints


def option(default: Any, text: str) -> Any:
    """A field of a settings dataclass that becomes a flag of the training command; ``text`` is the flag's help."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of every training; subclasses add fields and defaults. Stored in the checkpoint and in the card.
    ``warmup``: steps; ``ema``: decay of the moving average of the weights, 0 for no average."""

    seed: int = option(0, "Seed.")
    rate: float = option(1e-3, "Learning rate.")
    warmup: int = 200
    ema: float = 0.0
    weight_decay: float = 0.01


@dataclass(frozen=True)
class Limits:
    """When to stop. ``steps``: at this step, with the rate decaying over the last fifth; ``minutes``: after this time,
    without decay; ``finish``: after this many more steps, with the rate decaying to zero."""

    steps: int | None = None
    minutes: float | None = None
    finish: int | None = None
    export_minutes: float = 15.0


def settings_of(kind: type, values: Mapping[str, Any]) -> Any:
    """Create a settings dataclass from plain data, with nested dataclasses and tuples restored; missing values get
    their defaults."""
    hints = get_type_hints(kind)
    made = {}
    for name, value in values.items():
        if is_dataclass(hints[name]):
            value = settings_of(hints[name], value)  # type: ignore[arg-type]
        made[name] = tuple(value) if isinstance(value, list) else value
    return kind(**made)
