"""The driver of many: what is done after a job was lost with its workers."""

from __future__ import annotations

import pytest
from diffopt_core.common.jobs import Job, JobEnd
from diffopt_core.common.storage import Folder
from diffopt_core.results.carry import Work
from diffopt_core.results.inputs import Input, portions
from diffopt_core.results.many import CALLS


class Mortal:
    """A runner whose jobs are lost where they hold the clip ``bad``, or more than ``most`` clips."""

    workers = 1

    def __init__(self, most: int = 9):
        self.most, self.done = most, []

    def run(self, jobs: list[Job]):
        for job in jobs:
            inputs = job.data["inputs"]
            keys = [each["key"] for each in inputs]
            self.done.append("".join(keys) + ("" if job.calls == CALLS else "?"))
            if "bad" in keys or len(keys) > self.most:
                yield JobEnd(job, error="its worker was lost (twice)", lost=True)
                continue
            rows = [{**each, "input": "", "state": "finished"} for each in inputs if each["key"] in job.data["wanted"]]
            yield JobEnd(job, value={"rows": rows, "size": 0} if job.calls == CALLS else {})


@pytest.mark.parametrize(
    ("whole", "most", "done"),
    [
        (False, 9, ["abadc", "a", "bad", "c"]),
        (True, 9, ["abadc", "a?", "bad?", "c?", "ac"]),
        (True, 1, ["abadc", "a?", "bad?", "c?", "ac", "a", "c"]),  # too little memory for two
    ],
)
def test_what_kills_workers_is_found_and_left_out(whole, most, done, tmp_path, monkeypatch):
    monkeypatch.setattr(Work, "_merge", lambda self: None)
    plan = portions([Input(key, key) for key in ("a", "bad", "c")], 8, "x")
    work, runner, told = Work(Folder(str(tmp_path)), plan, [], whole, None), Mortal(most), []
    work.carry_out(runner, plan, lambda count, failed: told.append((count, failed)))
    assert runner.done == done and told[-1] == (3, 1)


def test_a_clip_that_is_done_keeps_its_result(tmp_path, monkeypatch):
    """It was only to be solved with the others, and kills the worker now."""
    monkeypatch.setattr(Work, "_merge", lambda self: None)
    plan = [
        portion.only(frozenset("ac"), whole=True)
        for portion in portions([Input(k, k) for k in ("a", "bad", "c")], 8, "x")
    ]
    work, runner = Work(Folder(str(tmp_path)), plan, [], True, None), Mortal()
    work.carry_out(runner, plan, lambda count, failed: None)
    assert runner.done[-1] == "ac" and work.failures == 0
