"""Runner ``ray``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import ray
from diffopt_core.common.jobs import Job, JobEnd, perform
from diffopt_core.errors import MissingResource
from diffopt_core.interfaces import BuildContext

from .plugin import RayConfig

#: Raised by Ray when a worker, its machine or its objects are lost. Errors of the job itself are not among these.
_LOST = (
    ray.exceptions.WorkerCrashedError,
    ray.exceptions.NodeDiedError,
    ray.exceptions.ObjectLostError,
    ray.exceptions.OutOfMemoryError,
    ray.exceptions.RayTaskError,
    ray.exceptions.RaySystemError,
)


class RayRunner:
    """Implements :class:`diffopt_core.interfaces.Runner`."""

    def __init__(self, config: RayConfig, ctx: BuildContext):
        self._address, self._asked, self._cpus = config.address, config.workers, config.cpus
        self._gpus = config.gpus if config.gpus is not None else float(ctx.device.type == "cuda")
        self._connect()

    @property
    def workers(self) -> int:
        """The configured number, else as many as the cluster's free resources allow."""
        if self._asked:
            return self._asked
        have = ray.cluster_resources()
        room = [have.get("CPU", 1.0) / self._cpus] + ([have.get("GPU", 0.0) / self._gpus] if self._gpus else [])
        return max(1, int(min(room)))

    def run(self, jobs: Sequence[Job]) -> Iterator[JobEnd]:
        """At most ``workers`` tasks are submitted at a time. Ray must not retry them: the grid decides on retries."""
        threads = {"OMP_NUM_THREADS": str(max(1, int(self._cpus)))}
        remote: Any = ray.remote(perform).options(
            num_cpus=self._cpus, num_gpus=self._gpus, max_retries=0, runtime_env={"env_vars": threads}
        )
        waiting, most = list(reversed(jobs)), self.workers
        running: dict[Any, Job] = {}
        try:
            while waiting or running:
                while waiting and len(running) < most:
                    job = waiting.pop()
                    running[remote.remote(job.call, job.data)] = job
                done, _ = ray.wait(list(running), num_returns=1)
                for task in done:
                    yield _end(running.pop(task), task)
        finally:
            for task in running:
                ray.cancel(task, force=True)

    def _connect(self) -> None:
        """Connect to a running cluster, else start one on this machine, without log output or dashboard."""
        if ray.is_initialized():
            return
        quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
        # Ray hides GPUs from tasks that reserve none; here the grid's device option decides.
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            if self._address:
                ray.init(address=self._address, **quiet)
            else:
                ray.init(address="local", num_cpus=self._asked, include_dashboard=False, **quiet)
        except (
            Exception
        ) as error:  # Ray's start-up raises plain exceptions, for example on a machine too busy to start it in time
            raise MissingResource(
                f"runner 'ray': no cluster answers at {self._address or 'this machine'} "
                f"({str(error).splitlines()[0]}); start one with: ray start --head"
            ) from error


def _end(job: Job, task: Any) -> JobEnd:
    try:
        return JobEnd(job, **ray.get(task))
    except _LOST as error:
        said = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        return JobEnd(job, error=f"its worker was lost: {said.strip()}", lost=True)
