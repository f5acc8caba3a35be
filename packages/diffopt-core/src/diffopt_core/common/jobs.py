"""Pieces of work that a runner hands to other processes or machines: plain data in, plain data out. No torch.

What is called is named as ``module:function``, so that a job can be sent anywhere where the packages are installed,
and nothing is ever pickled on its way.
"""

from __future__ import annotations

import importlib
import traceback
from dataclasses import dataclass
from typing import Any

from ..errors import DiffOptError


@dataclass(frozen=True)
class Job:
    """``call``: ``module:function`` of one argument, ``data``. ``data`` and what it returns are JSON-able."""

    name: str
    call: str
    data: dict[str, Any]


@dataclass(frozen=True)
class JobEnd:
    """How a job ended. ``error`` is one line, None where ``value`` is what the job returned; ``trace`` the traceback
    of a fault. ``lost``: its process or machine went away, and nobody knows how far it had come."""

    job: Job
    value: Any = None
    error: str | None = None
    trace: str | None = None
    lost: bool = False


def perform(call: str, data: dict[str, Any]) -> dict[str, Any]:
    """Do a job here. Returns the fields ``value``, ``error`` and ``trace`` of its end; never raises an Exception."""
    try:
        module, _, attribute = call.partition(":")
        return {"value": getattr(importlib.import_module(module), attribute)(data), "error": None, "trace": None}
    except DiffOptError as error:
        return {"value": None, "error": str(error), "trace": None}
    except Exception as error:
        said = f"unexpected {type(error).__name__}: {error}".splitlines()[0]
        return {"value": None, "error": said, "trace": traceback.format_exc()}
