"""Jobs by which the contract of runners tries a runner. A module of its own, since workers import it: no torch."""

from __future__ import annotations

import os
import signal
from typing import Any

from ..errors import DiffOptError


def double(data: dict[str, Any]) -> Any:
    """A job that returns a value and also prints, which must not disturb the value."""
    print("a job may print")
    return {"twice": 2 * data["value"]}


def again(data: dict[str, Any]) -> Any:
    """A second stage: it takes what the first returned."""
    return {"twice": 2 * data["twice"]}


def refuse(data: dict[str, Any]) -> Any:
    raise DiffOptError("this job cannot be done")


def break_down(data: dict[str, Any]) -> Any:
    raise KeyError("a fault in the job")


def die(data: dict[str, Any]) -> Any:
    """Write a marker file, then end the worker like an external kill."""
    with open(data["mark"], "a") as file:
        file.write("tried\n")
    os.kill(os.getpid(), signal.SIGKILL)
