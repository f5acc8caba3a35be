"""Jobs for tests of runners."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def count(data):
    return sum(1 for _ in range(data["value"]))


def where(data):
    """The processes that its stages ran in."""
    return {"value": data["value"], "processes": [*data.get("processes", ()), os.getpid()]}


def die_once(data):
    """Kill the worker of job 2, the first time."""
    mark = Path(data["folder"]) / "died"
    if data["value"] == 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"value": data["value"]}


def wait_for(data):
    """End when the job's file is there."""
    mark = Path(data["folder"]) / f"go {data['value']}"
    while not mark.exists():
        time.sleep(0.1)
    return {"value": data["value"]}
