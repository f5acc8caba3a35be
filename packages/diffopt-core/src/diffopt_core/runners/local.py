"""Runner ``local``: worker processes of this machine, one a GPU, or one a core where there is none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pydantic import Field

from ..config import ComponentConfig

if TYPE_CHECKING:
    from ..interfaces import BuildContext, Runner


class LocalConfig(ComponentConfig):
    """How many workers, and how many threads each has."""

    workers: int | None = Field(None, ge=1, description="processes; null: one a GPU, or one a core on a CPU")
    threads: int | None = Field(None, ge=1, description="threads a worker; null: the cores, shared out evenly")

    def build(self, ctx: BuildContext) -> Runner:
        """One environment a worker: its GPU (in turn, where there are more workers than GPUs) and its threads."""
        from .processes import Processes

        cores, gpus = _cores(), _gpus() if ctx.device.type == "cuda" else []
        count = self.workers or len(gpus) or cores
        threads = str(self.threads or max(1, cores // count))
        environments = []
        for number in range(count):
            environment = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
            # Every worker sees its own GPU as the first, so that results say the same device wherever they were made.
            if len(gpus) > 1 and ctx.device.index is None:
                environment["CUDA_VISIBLE_DEVICES"] = gpus[number % len(gpus)]
            environments.append(environment)
        return Processes(environments)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpus() -> list[str]:
    """The GPUs that the user leaves visible, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    if visible := os.environ.get("CUDA_VISIBLE_DEVICES"):
        return [name.strip() for name in visible.split(",") if name.strip()]
    return [str(index) for index in range(torch.cuda.device_count())]
