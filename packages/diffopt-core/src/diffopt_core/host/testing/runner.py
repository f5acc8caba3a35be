"""Contract of runners."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from ...common.jobs import Job
from ...errors import DiffOptError
from .component import ComponentContract

_HERE = __name__


def double(data: dict[str, Any]) -> Any:
    """A job that answers, and prints, which must not disturb the answer."""
    print("a job may print")
    return {"twice": 2 * data["value"]}


def refuse(data: dict[str, Any]) -> Any:
    raise DiffOptError("this job cannot be done")


def break_down(data: dict[str, Any]) -> Any:
    raise KeyError("a fault in the job")


def die(data: dict[str, Any]) -> Any:
    """Leave a mark, and end the worker as a kill from outside would."""
    with open(data["mark"], "a") as file:
        file.write("tried\n")
    os.kill(os.getpid(), signal.SIGKILL)


class RunnerContract(ComponentContract):
    """Set ``name``, and ``options`` with which it runs on this machine with two workers. Starts real workers."""

    kind = "runner"

    def test_every_job_ends_once_and_a_dead_worker_costs_its_own(self, tmp_path: Path) -> None:
        runner = self.build()
        assert runner.workers >= 1
        mark = tmp_path / "mark"
        jobs = [Job(f"double {i}", f"{_HERE}:double", {"value": i}) for i in range(4)]
        jobs.insert(1, Job("die", f"{_HERE}:die", {"mark": str(mark)}))
        jobs.insert(2, Job("refuse", f"{_HERE}:refuse", {}))
        jobs.insert(3, Job("break", f"{_HERE}:break_down", {}))
        ends = {}
        for end in runner.run(jobs):
            assert end.job.name not in ends, f"{end.job.name} ended twice"
            ends[end.job.name] = end
        assert set(ends) == {job.name for job in jobs}
        for index in range(4):
            end = ends[f"double {index}"]
            assert end.value == {"twice": 2 * index} and end.error is None and not end.lost, str(end)
        assert ends["refuse"].error == "this job cannot be done" and not ends["refuse"].lost
        assert ends["refuse"].trace is None, "an error that the user can mend has no traceback"
        assert "KeyError" in str(ends["break"].error) and "break_down" in str(ends["break"].trace)
        assert ends["die"].lost and ends["die"].error, "a worker that died is told by `lost`, with a reason"
        assert mark.read_text().count("tried") == 1, "the caller decides whether a lost job is done again"

    def test_no_jobs_is_no_work(self) -> None:
        assert list(self.build().run([])) == []
