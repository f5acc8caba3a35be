"""Runner ``slurm``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import submitit
from diffopt_core.common.jobs import Job, JobEnd, perform
from diffopt_core.interfaces import BuildContext

from .plugin import SlurmConfig

#: Seconds between polls of the jobs.
_PACE = {"slurm": 5.0, "local": 0.2}


class SlurmRunner:
    """Implements :class:`diffopt_core.interfaces.Runner`."""

    def __init__(self, config: SlurmConfig, ctx: BuildContext):
        self._config = config
        self._gpus = config.gpus if config.gpus is not None else int(ctx.device.type == "cuda")

    @property
    def workers(self) -> int:
        return self._config.workers

    def run(self, jobs: Sequence[Job]) -> Iterator[JobEnd]:
        """One job array on Slurm, with ``workers`` concurrent jobs; with ``local``, this process starts them."""
        if not jobs:
            return
        executor, waiting = self._executor(), list(jobs)
        running: dict[Any, Job] = {}
        most = len(waiting) if self._config.cluster == "slurm" else self._config.workers
        try:
            while waiting or running:
                if waiting and len(running) < most:
                    start, waiting = waiting[: most - len(running)], waiting[most - len(running) :]
                    with executor.batch():
                        tasks = [executor.submit(perform, job.call, job.data) for job in start]
                    running.update(zip(tasks, start, strict=True))
                done = [task for task in running if task.done()]
                for task in done:
                    yield _end(running.pop(task), task)
                if not done:
                    time.sleep(_PACE[self._config.cluster])
        finally:
            for task in running:
                task.cancel()

    def _executor(self) -> Any:
        config = self._config
        config.logs.mkdir(parents=True, exist_ok=True)
        # No requeueing: a preempted or timed-out job is lost, and the grid decides on retries.
        executor = submitit.AutoExecutor(folder=config.logs, cluster=config.cluster, slurm_max_num_timeout=0)
        executor.update_parameters(
            name="diffopt", timeout_min=config.minutes, cpus_per_task=config.cpus, gpus_per_node=self._gpus
        )
        if config.cluster == "slurm":
            own = {"slurm_partition": config.partition, "slurm_account": config.account}
            given = {key: value for key, value in own.items() if value is not None}
            executor.update_parameters(slurm_array_parallelism=config.workers, mem_gb=config.memory, **given)
        return executor


def _end(job: Job, task: Any) -> JobEnd:
    try:
        return JobEnd(job, **task.result())
    except submitit.core.utils.UncompletedJobError as error:
        said = next((line for line in str(error).splitlines() if line.strip()), "no output")
        return JobEnd(job, error=f"its worker was lost ({task.state}): {said.strip()}", lost=True)
    except submitit.core.utils.FailedJobError as error:
        return JobEnd(job, error=f"submitit: {str(error).splitlines()[0]}")
