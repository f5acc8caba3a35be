"""Jobs that a runner sends to other processes or machines: plain data in, plain data out. No torch.

The function is named as ``module:function``, so a job can run anywhere the packages are installed, and nothing is
pickled.
"""

from __future__ import annotations

import importlib
import traceback
from dataclasses import dataclass
from typing import Any

from ..errors import DiffOptError


@dataclass(frozen=True)
class Job:
    """``call``: ``module:function``, called with ``data``. ``data`` and the return value must be JSON."""

    name: str
    call: str
    data: dict[str, Any]


@dataclass(frozen=True)
class JobEnd:
    """Outcome of a job. ``error`` is one line, or None if ``value`` holds what the job returned; ``trace`` is the
    traceback of a bug. ``lost``: its process or machine died; how far it came is unknown."""

    job: Job
    value: Any = None
    error: str | None = None
    trace: str | None = None
    lost: bool = False


def perform(call: str, data: dict[str, Any]) -> dict[str, Any]:
    """Run a job in this process. Returns the fields ``value``, ``error`` and ``trace`` of its JobEnd; never raises an
    Exception."""
    try:
        module, _, attribute = call.partition(":")
        return {"value": getattr(importlib.import_module(module), attribute)(data), "error": None, "trace": None}
    except DiffOptError as error:
        return {"value": None, "error": str(error), "trace": None}
    except Exception as error:
        said = f"unexpected {type(error).__name__}: {error}".splitlines()[0]
        return {"value": None, "error": said, "trace": traceback.format_exc()}
