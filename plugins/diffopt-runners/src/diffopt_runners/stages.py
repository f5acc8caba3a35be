"""What Ray's workers do. A module of its own, since every worker imports it: no torch, which only some jobs need."""

from __future__ import annotations

import pickle
from typing import Any

import ray
from diffopt_core.common.jobs import LOST, perform

#: How often a stage of a job is begun before it is given up.
_TRIES = 2


class Ledger:
    """Which stage of which job was begun where: one that is begun again lost its worker. Lives with the driver."""

    def __init__(self) -> None:
        self._begun: dict[tuple[str, int], list[str]] = {}
        self._news: list[tuple[str, str]] = []

    def begin(self, job: str, stage: int, where: str) -> int:
        """How often this stage of the job has been begun, this time included."""
        tries = self._begun.setdefault((job, stage), [])
        if tries:
            self._news.append((job, tries[-1]))
        tries.append(where)
        return len(tries)

    def end(self, job: str, stage: int) -> None:
        self._begun.pop((job, stage), None)

    def news(self) -> list[tuple[str, str]]:
        """Jobs that were begun again since the last call, and the worker that was lost with them."""
        told, self._news = self._news, []
        return told


class Stage:
    """An actor that performs calls on rows ``{"job": name, "end": fields of a JobEnd, pickled}``."""

    def __init__(self, calls: tuple[str, ...], number: int, ledger: Any):
        context = ray.get_runtime_context()
        self._calls, self._number, self._ledger = calls, number, ledger
        self._where = f"worker {context.get_worker_id()[:8]} on node {context.get_node_id()[:8]}"

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        end = pickle.loads(row["end"])  # of this run's own actors: no file or user gives it
        if end["error"] is None:
            tries = ray.get(self._ledger.begin.remote(row["job"], self._number, self._where))
            if tries > _TRIES:
                end = {"value": None, "error": f"{LOST} (twice): {self._where}", "lost": True}
            else:
                end = perform(self._calls, end["value"])
            ray.get(self._ledger.end.remote(row["job"], self._number))
        return {"job": row["job"], "end": pickle.dumps(end)}
