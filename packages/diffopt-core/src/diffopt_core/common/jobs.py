"""Jobs that a runner sends to other processes or machines: plain data in, plain data out. No torch.

The functions are named as ``module:function``, so a job can run anywhere the packages are installed.
"""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import DiffOptError


@dataclass(frozen=True)
class Job:
    """``calls``: one ``module:function`` or several, the stages of the job: the first takes ``data``, each other what
    the one before returned. ``data`` and what the last returns must be JSON; between stages any object that pickles.
    ``about``: what is lost with the job, as text for the user."""

    name: str
    calls: tuple[str, ...]
    data: dict[str, Any]
    about: str = ""


@dataclass(frozen=True)
class JobEnd:
    """Outcome of a job. ``error`` is one line, or None if ``value`` holds what the job returned; ``trace`` is the
    traceback of a bug. ``lost``: its process or machine died, and did so again when the job was repeated."""

    job: Job
    value: Any = None
    error: str | None = None
    trace: str | None = None
    lost: bool = False


def perform(calls: Sequence[str], data: Any) -> dict[str, Any]:
    """Run stages in this process. Returns the fields ``value``, ``error`` and ``trace`` of a JobEnd; never raises an
    Exception."""
    try:
        for call in calls:
            module, _, attribute = call.partition(":")
            data = getattr(importlib.import_module(module), attribute)(data)
        return {"value": data, "error": None, "trace": None}
    except DiffOptError as error:
        return {"value": None, "error": str(error), "trace": None}
    except Exception as error:
        said = f"unexpected {type(error).__name__}: {error}".splitlines()[0]
        return {"value": None, "error": said, "trace": traceback.format_exc()}


def given_up(end: JobEnd) -> JobEnd:
    """The end of a job that was lost again after it was repeated; what differs from loss to loss stands behind a
    colon."""
    how, colon, more = str(end.error).partition(": ")
    return replace(end, error=f"{how} (twice){colon}{more}")


#: What every runner says of a worker that died; then, in brackets, how.
LOST = "its worker was lost"


def loss(job: Job, how: str) -> str:
    """What is told when a worker dies for the first time."""
    return f"{job.about or job.name}: {how}; it is done again"
