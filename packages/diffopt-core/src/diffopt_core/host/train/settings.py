"""Settings of trainings: of every network, and when a run ends. No torch: the command line reads the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from typing import Any, get_type_hints


def option(default: Any, text: str) -> Any:
    """A field of a settings dataclass that is a flag of its training's command; ``text`` is the flag's help."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class TrainingSettings:
    """What every network's training has; a subclass adds its own and its own defaults. Stored in the checkpoint and in
    the card. ``warmup``: steps; ``ema``: how much of the averaged weights a step keeps, 0 for no average."""

    seed: int = option(0, "Seed.")
    rate: float = option(1e-3, "Learning rate.")
    warmup: int = 200
    ema: float = 0.0
    weight_decay: float = 0.01


@dataclass(frozen=True)
class Limits:
    """When to stop. ``steps``: at this step, decaying over the last fifth; ``minutes``: after so long, without
    decay; ``finish``: after so many more steps, decaying to zero from here."""

    steps: int | None = None
    minutes: float | None = None
    finish: int | None = None
    export_minutes: float = 15.0


def settings_of(kind: type, values: Mapping[str, Any]) -> Any:
    """A settings dataclass from plain data, nested ones and tuples restored; what the data leaves out is default."""
    hints = get_type_hints(kind)
    made = {}
    for name, value in values.items():
        if is_dataclass(hints[name]):
            value = settings_of(hints[name], value)  # type: ignore[arg-type]
        made[name] = tuple(value) if isinstance(value, list) else value
    return kind(**made)
