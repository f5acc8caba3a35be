"""Settings of the runners, and what this package offers to the host. Neither ray nor submitit is imported here."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from diffopt_core.config import ComponentConfig
from diffopt_core.errors import MissingResource
from diffopt_core.plugin import Component, hookimpl
from pydantic import Field

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext

_HERE = "diffopt_runners"


class RayConfig(ComponentConfig):
    """Address of the cluster, number of workers, and what is reserved for each."""

    builds: ClassVar[str] = "diffopt_runners.ray_runner:RayRunner"

    address: str | None = Field(None, description="HOST:PORT or auto of a running cluster; null: one on this machine")
    workers: int | None = Field(None, ge=1, description="workers; null: as many as the cluster has room for")
    cpus: float = Field(1.0, gt=0, description="cores of a worker, and its threads; more for long clips")
    memory: float | None = Field(None, gt=0, description="memory of a worker, GiB; null: none is reserved")
    gpus: float | None = Field(None, ge=0, description="GPUs of a worker; null: 1 on CUDA, else 0")

    def build(self, ctx: BuildContext) -> Any:
        if find_spec("ray") is None:
            raise MissingResource(
                "runner 'ray' needs Ray, which is not installed: uv pip install "
                "'diffopt-runners[ray]', on this machine and on every machine of the cluster"
            )
        return super().build(ctx)


class SlurmConfig(ComponentConfig):
    """Number of workers, which are elements of a job array, and what each requests from Slurm."""

    builds: ClassVar[str] = "diffopt_runners.slurm_runner:SlurmRunner"

    cluster: Literal["slurm", "local"] = Field("slurm", description="local: processes on this machine, for testing")
    workers: int = Field(32, ge=1, description="workers at a time: elements of the array")
    elements: int = Field(1000, ge=1, description="most elements of the array (MaxArraySize); each has several jobs")
    minutes: int = Field(240, ge=1, description="time limit of an element")
    cpus: int | None = Field(
        None, ge=1, description="cores of a worker, and its threads; null: 1 on a CPU, 4 beside a GPU"
    )
    gpus: int | None = Field(None, ge=0, description="GPUs of a worker; null: 1 on CUDA, else 0")
    memory: int = Field(8, ge=1, description="memory of a worker, GiB")
    partition: str | None = None
    account: str | None = None
    logs: Path = Field(
        Path("runs/slurm"), description="folder for submitit's files; all machines must have access to it"
    )

    def build(self, ctx: BuildContext) -> Any:
        if find_spec("submitit") is None:
            raise MissingResource(
                "runner 'slurm' needs submitit, which is not installed: uv pip install 'diffopt-runners[slurm]'"
            )
        if self.cluster == "slurm" and which("sbatch") is None:
            raise MissingResource(
                "runner 'slurm': sbatch not found; start it on a machine "
                "that submits to Slurm, or test it with --runner-set cluster=local"
            )
        return super().build(ctx)


@hookimpl
def diffopt_components() -> Iterable[Component]:
    return [
        Component(
            "runner",
            "ray",
            f"{_HERE}.plugin:RayConfig",
            "a streaming pipeline on a Ray cluster, or on one of this machine",
        ),
        Component("runner", "slurm", f"{_HERE}.plugin:SlurmConfig", "a Slurm job array, by submitit"),
    ]
