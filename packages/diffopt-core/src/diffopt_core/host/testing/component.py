"""The contract of every component, and the contract of runners."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ValidationError

from ...common.jobs import Job
from ...config import ComponentConfig
from ...errors import DiffOptError
from ...interfaces import BuildContext
from ..registry import Registry

#: Code of one interpreter without torch, which prints the components whose config loads.
_PROBE = """
import sys
sys.modules["torch"] = None
from diffopt_core.host.registry import Registry
registry = Registry.load(sys.argv[1:])
for kind, rows in registry.components.items():
    for name in rows:
        try:
            registry.config_class(kind, name)
        except Exception as error:
            print("failed", kind, name, error)
        else:
            print("loaded", kind, name)
for plugin in registry.plugins:
    if plugin.error:
        print("quarantined", plugin.name, plugin.error)
"""


@cache
def installed() -> Registry:
    """Registry of the plugins of this environment, loaded once."""
    return Registry.load()


@cache
def _load_without_torch(options: tuple[str, ...]) -> tuple[str, ...]:
    found = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}  # what a test finds beside what is installed
    done = subprocess.run([sys.executable, "-c", _PROBE, *options], capture_output=True, text=True, env=found)
    return tuple((done.stdout + done.stderr).splitlines())


class ComponentContract:
    """Set ``kind`` and ``name``; ``options`` are the options as in a recipe."""

    kind: ClassVar[str]
    name: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}

    def registry(self) -> Registry:
        return installed()

    def config(self, **options: Any) -> ComponentConfig:
        return self.registry().config(self.kind, self.name, {**self.options, **options})

    def context(self) -> BuildContext:
        """Context to build the component with, on the CPU."""
        return self.registry().context()

    def build(self, ctx: BuildContext | None = None) -> Any:
        return self.registry().made(self.kind, self.name, self.config(), ctx or self.context())

    def test_is_listed_with_a_summary(self) -> None:
        row = self.registry().component(self.kind, self.name)
        assert row.summary, f"{self.kind} '{self.name}' has no summary for `diffopt plugins`"

    def test_config_refuses_unknown_options(self) -> None:
        unknown = {"no_such_option_at_all": 1}
        try:
            self.registry().config(self.kind, self.name, unknown)
        except DiffOptError as error:
            assert "no_such_option_at_all" in str(error), f"the error does not name the option: {error}"
        else:
            raise AssertionError("an unknown option was taken")
        try:
            type(self.config())(**unknown)
        except ValidationError:
            return
        raise AssertionError(f"{type(self.config()).__name__} takes unknown keys; keep extra='forbid'")

    def test_config_is_frozen_and_round_trips(self) -> None:
        config = self.config()
        assert type(config).model_config.get("frozen"), f"{type(config).__name__} is not frozen"
        again = type(config).model_validate_json(config.model_dump_json())
        assert again == config, "the options do not survive the JSON that is written beside each result"

    def test_config_does_not_import_torch(self) -> None:
        options = self.registry().options
        if self.name not in installed().components[self.kind] and not options:
            return  # registered by the test itself, so the other interpreter would not find it
        told = _load_without_torch(options)
        failures = [line for line in told if not line.startswith("loaded")]
        why = "its plugin or its config's module imports torch; import torch in `build`"
        assert f"loaded {self.kind} {self.name}" in told, f"{why} ({failures})"


#: Module of the jobs below.
TRIED = "diffopt_core.common.tried_jobs"


class RunnerContract(ComponentContract):
    """Set ``name``, and ``options`` for running on this machine with two workers. Starts real workers."""

    kind = "runner"

    def test_every_job_ends_once_and_a_dead_worker_costs_its_own(self, tmp_path: Path) -> None:
        runner = self.build()
        assert runner.workers >= 1
        mark = tmp_path / "mark"
        jobs = [Job(f"double {i}", (f"{TRIED}:double",), {"value": i}) for i in range(4)]
        jobs.insert(1, Job("die", (f"{TRIED}:die",), {"mark": str(mark)}))
        jobs.insert(2, Job("refuse", (f"{TRIED}:refuse",), {}))
        jobs.insert(3, Job("break", (f"{TRIED}:break_down",), {}))
        ends = {}
        for end in runner.run(jobs):
            assert end.job.name not in ends, f"{end.job.name} ended twice"
            ends[end.job.name] = end
        assert set(ends) == {job.name for job in jobs}
        for index in range(4):
            end = ends[f"double {index}"]
            assert end.value == {"twice": 2 * index} and end.error is None and not end.lost, str(end)
        assert ends["refuse"].error == "this job cannot be done" and not ends["refuse"].lost
        assert ends["refuse"].trace is None, "an error that the user can fix has no traceback"
        assert "KeyError" in str(ends["break"].error) and "break_down" in str(ends["break"].trace)
        assert ends["die"].lost and ends["die"].error, "the job of a worker that died must be `lost`, with a reason"
        assert mark.read_text().count("tried") == 2, "a job whose worker died must be repeated once"

    def test_stages_pass_their_values_on(self) -> None:
        twice = Job("twice", (f"{TRIED}:double", f"{TRIED}:again"), {"value": 3})
        assert [end.value for end in self.build().run([twice])] == [{"twice": 12}]

    def test_no_jobs_is_no_work(self) -> None:
        assert list(self.build().run([])) == []
