"""Runner ``ray``: the stages of the jobs as one streaming pipeline of Ray Data, each stage with its own actors.

Ray places the actors, holds back a stage that is faster than the next, bounds what lies between them, repeats what was
lost with a worker or a node, and uses nodes that join later.
"""

from __future__ import annotations

import logging
import pickle
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import ray
import ray.data
from diffopt_core.common.jobs import LOST, Job, JobEnd, loss

from .connect import connect
from .plugin import RayConfig
from .stages import Ledger, Stage

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext

log = logging.getLogger(__name__)
#: Seconds between two looks at what was lost.
_LOOKS = 2.0
#: Cores of an actor that reads or writes beside a GPU's: it waits for files half of the time.
_AROUND = 0.5


class RayRunner:
    """Implements :class:`diffopt_core.interfaces.Runner`."""

    def __init__(self, config: RayConfig, ctx: BuildContext):
        self._config = config
        self._gpus = config.gpus if config.gpus is not None else float(ctx.device.type == "cuda")
        connect(config.address, config.workers)

    @property
    def workers(self) -> int:
        """The configured number, else as many as the cluster's resources allow now."""
        if self._config.workers:
            return self._config.workers
        have = ray.cluster_resources()
        room = [have.get("CPU", 1.0) / self._config.cpus]
        room += [have.get("GPU", 0.0) / self._gpus] if self._gpus else []
        return max(1, int(min(room)))

    def run(self, jobs: Sequence[Job]) -> Iterator[JobEnd]:
        """The ends in order of completion; jobs of other calls have a pipeline of their own, one after the other. A job
        of which Ray itself gives up is lost, too."""
        for calls in dict.fromkeys(job.calls for job in jobs):
            yield from self._alike([job for job in jobs if job.calls == calls])

    def _alike(self, jobs: Sequence[Job]) -> Iterator[JobEnd]:
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        ledger: Any = ray.remote(Ledger).options(num_cpus=0, scheduling_strategy=here).remote()
        known = {job.name: job for job in jobs}
        waiting = dict(known)
        looked = time.monotonic()
        # Without prefetching: an end is told when it is there, not when the next one is.
        done = self._pipeline(jobs, ledger).iter_batches(batch_size=None, prefetch_batches=0, batch_format="pyarrow")
        for row in (row for table in done for row in table.to_pylist()):
            if time.monotonic() - looked > _LOOKS:
                looked = self._tell(ledger, known)
            yield JobEnd(waiting.pop(row["job"]), **pickle.loads(row["end"]))
        self._tell(ledger, known)
        for job in waiting.values():
            yield JobEnd(job, error=f"{LOST} (Ray gave the job up)", lost=True)

    def _pipeline(self, jobs: Sequence[Job], ledger: Any) -> Any:
        context = ray.data.DataContext.get_current()
        context.max_errored_blocks = -1  # a block that Ray cannot bring back costs its own job
        context.enable_progress_bars = False
        rows = [
            {"job": job.name, "end": pickle.dumps({"value": job.data, "error": None})} for job in jobs
        ]  # fmt: skip
        data: Any = ray.data.from_items(rows, override_num_blocks=len(rows))
        for number, (calls, reserved) in enumerate(self._stages(jobs[0].calls)):
            # As many as there is room for now; more when nodes join, unless the number is given.
            solves = len(calls) == len(jobs[0].calls) or number == len(jobs[0].calls) // 2
            least = min(self.workers if solves else 1, len(jobs))
            most = min(self._config.workers or len(jobs), len(jobs))
            # One job at an actor: by default Ray queues four at the first that is there, while others wait for work.
            actors = ray.data.ActorPoolStrategy(
                min_size=least, max_size=max(least, most), max_tasks_in_flight_per_actor=1
            )
            data = data.map(Stage, fn_constructor_args=(calls, number, ledger), compute=actors, **reserved)
        return data

    def _stages(self, calls: tuple[str, ...]) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
        """With a GPU, the calls before and after the middle one have actors without one; else a core does them all."""
        config = self._config
        threads = {"env_vars": {"OMP_NUM_THREADS": str(max(1, int(config.cpus)))}}
        reserved: dict[str, Any] = {"num_cpus": config.cpus, "runtime_env": threads}
        if config.memory:
            reserved["memory"] = config.memory * 2**30
        if not self._gpus:
            return [(calls, reserved)]
        if len(calls) == 1:
            return [(calls, {**reserved, "num_gpus": self._gpus})]
        around = {**reserved, "num_cpus": min(_AROUND, config.cpus)}
        middle = len(calls) // 2
        return [((call,), {**reserved, "num_gpus": self._gpus} if k == middle else around)
                for k, call in enumerate(calls)]  # fmt: skip

    def _tell(self, ledger: Any, jobs: dict[str, Job]) -> float:
        for name, where in ray.get(ledger.news.remote()):
            log.warning(loss(jobs[name], f"{LOST}: {where}"))
        return time.monotonic()
