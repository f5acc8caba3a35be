"""Runner ``slurm``: the jobs as one array, several of them in an element."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import submitit
from diffopt_core.common.jobs import LOST, Job, JobEnd, given_up, loss, perform
from diffopt_core.interfaces import BuildContext

from .plugin import SlurmConfig

log = logging.getLogger(__name__)
#: Cores beside a GPU.
_BESIDE_GPU = 4
#: Seconds between polls of the jobs.
_PACE = {"slurm": 5.0, "local": 0.2}


def perform_each(jobs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What an element of the array does."""
    return [perform(job["calls"], job["data"]) for job in jobs]


class SlurmRunner:
    """Implements :class:`diffopt_core.interfaces.Runner`."""

    def __init__(self, config: SlurmConfig, ctx: BuildContext):
        self._config = config
        gpu = ctx.device.type == "cuda"
        self._gpus = config.gpus if config.gpus is not None else int(gpu)
        self._cpus = config.cpus or (_BESIDE_GPU if gpu else 1)

    @property
    def workers(self) -> int:
        return self._config.workers

    def run(self, jobs: Sequence[Job]) -> Iterator[JobEnd]:
        """One array on Slurm, with ``workers`` concurrent elements; with ``local``, this process starts them. The jobs
        of a lost element are submitted once more, each alone."""
        if not jobs:
            return
        executor, size = self._executor(), -(-len(jobs) // self._config.elements)
        waiting = [list(jobs[first : first + size]) for first in range(0, len(jobs), size)]
        again: set[str] = set()
        running: dict[Any, list[Job]] = {}
        try:
            while waiting or running:
                room = len(waiting) if self._config.cluster == "slurm" else self._config.workers - len(running)
                if waiting and room > 0:
                    start, waiting = waiting[:room], waiting[room:]
                    with executor.batch():
                        tasks = [executor.submit(perform_each, [asdict(job) for job in some]) for some in start]
                    running.update(zip(tasks, start, strict=True))
                done = [task for task in running if task.done()]
                for task in done:
                    for end in _ends(running.pop(task), task):
                        if end.lost and end.job.name not in again:
                            log.warning(loss(end.job, str(end.error)))
                            again.add(end.job.name)
                            waiting.append([end.job])
                        else:
                            yield given_up(end) if end.lost else end
                if not done:
                    time.sleep(_PACE[self._config.cluster])
        finally:
            for task in running:
                task.cancel()

    def _executor(self) -> Any:
        config = self._config
        config.logs.mkdir(parents=True, exist_ok=True)
        # No requeueing by Slurm: a preempted or timed-out element is lost, and its jobs are submitted again.
        # Elements take their threads from here; the number of threads may change last bits: one on a CPU, as elsewhere.
        os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(self._cpus))
        executor = submitit.AutoExecutor(folder=config.logs, cluster=config.cluster, slurm_max_num_timeout=0)
        executor.update_parameters(
            name="diffopt", timeout_min=config.minutes, cpus_per_task=self._cpus, gpus_per_node=self._gpus
        )
        if config.cluster == "slurm":
            own = {"slurm_partition": config.partition, "slurm_account": config.account}
            given = {key: value for key, value in own.items() if value is not None}
            executor.update_parameters(slurm_array_parallelism=config.workers, mem_gb=config.memory, **given)
        return executor


def _ends(jobs: Sequence[Job], task: Any) -> list[JobEnd]:
    try:
        return [JobEnd(job, **end) for job, end in zip(jobs, task.result(), strict=True)]
    except submitit.core.utils.UncompletedJobError:
        said = [line.strip() for line in (task.stderr() or "").splitlines() if line.strip()]
        where = f"output in {task.paths.stderr}" + (f", at last: {said[-1][:200]}" if said else "")
        return [JobEnd(job, error=f"{LOST} ({task.state}): {where}", lost=True) for job in jobs]
    except submitit.core.utils.FailedJobError as error:
        return [JobEnd(job, error=f"submitit: {str(error).splitlines()[0]}") for job in jobs]
