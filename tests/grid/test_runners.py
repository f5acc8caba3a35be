"""Runners keep their contract; those of clusters say what they need where it is not there."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from diffopt_core.errors import MissingResource
from diffopt_core.host.registry import Registry
from diffopt_core.host.testing import RunnerContract


@pytest.mark.slow
class TestLocal(RunnerContract):
    name = "local"
    options: ClassVar = {"workers": 2}


@pytest.mark.needs("ray")
class TestRay(RunnerContract):
    name = "ray"
    options: ClassVar = {"workers": 2}


@pytest.mark.slow
@pytest.mark.needs("submitit")
class TestSlurmTriedLocally(RunnerContract):
    name = "slurm"

    @pytest.fixture(autouse=True)
    def _logs(self, tmp_path, monkeypatch):
        # how long submitit waits for the answer of a job that died, s
        monkeypatch.setattr("submitit.core.core.Job._results_timeout_s", 1)
        type(self).options = {"cluster": "local", "workers": 2, "gpus": 0, "logs": str(tmp_path / "logs")}


def test_what_differs_from_loss_to_loss_stands_behind_the_count():
    from diffopt_core.common.jobs import Job, JobEnd, given_up

    told = [given_up(JobEnd(Job("a", ()  , {}), error=error, lost=True)).error
            for error in ("its worker ended: at 0x3f", "its worker ended")]  # fmt: skip
    assert told == ["its worker ended (twice): at 0x3f", "its worker ended (twice)"]


@pytest.mark.parametrize(("name", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_a_missing_package_is_told_with_the_line_that_installs_it(name, package, monkeypatch):
    monkeypatch.setattr("diffopt_runners.plugin.find_spec", lambda wanted: None)
    config = Registry.load().config("runner", name, {})
    with pytest.raises(MissingResource, match=rf"uv pip install 'diffopt-runners\[{name}\]'"):
        config.build(None)


@pytest.mark.slow
def test_leaving_early_stops_the_workers():
    import time

    from diffopt_core.common.jobs import Job
    from diffopt_core.parts.runners import Processes

    rounds = {"value": 10**10}  # minutes, were it not stopped
    jobs = [
        Job("quick", ("diffopt_core.common.tried_jobs:double",), {"value": 1}),
        Job("slow", ("grid_calls:count",), rounds),
    ]
    ends = Processes([{"PYTHONPATH": str(Path(__file__).parent)}]).run(jobs)
    assert next(ends).job.name == "quick"
    began = time.monotonic()
    ends.close()
    assert time.monotonic() - began < 20
