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
    return {**data, "processes": [*data.get("processes", ()), os.getpid()]}


def die_once(data):
    """Kill the worker of job 2, the first time."""
    mark = Path(data["folder"]) / "died"
    if data["value"] == 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"value": data["value"]}


def meet(data):
    """Jobs 0 and 1 wait for each other; returns the node, too."""
    from ray import get_runtime_context

    folder, value = Path(data["folder"]), data["value"]
    (folder / f"met {value}").touch()
    while value < 2 and not (folder / f"met {1 - value}").exists():
        time.sleep(0.1)
    return {"value": value, "node": get_runtime_context().get_node_id()}


def wait_for(data):
    """End when the job's file is there; `here` names a process that waits."""
    mark = Path(data["folder"]) / f"go {data['value']}"
    (mark.parent / "here").write_text(str(os.getpid()))
    while not mark.exists():
        time.sleep(0.1)
    return {"value": data["value"]}
