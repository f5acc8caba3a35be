"""Settings of the runners. Neither ray nor submitit is imported here."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from diffopt_core.config import ComponentConfig
from diffopt_core.errors import MissingResource
from pydantic import Field

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext


class RayConfig(ComponentConfig):
    """Where the cluster is, how many jobs are on it at once, and what each of them reserves, as its machines allow."""

    builds: ClassVar[str] = "diffopt_runners.ray_runner:RayRunner"

    address: str | None = Field(None, description="HOST:PORT or auto of a running cluster; null: one on this machine")
    workers: int | None = Field(None, ge=1, description="jobs at once; null: as many as the cluster has room for")
    cpus: float = Field(1.0, gt=0, description="cores that a job reserves, and its threads; more for long clips")
    gpus: float | None = Field(None, ge=0, description="GPUs that a job reserves; null: 1 on CUDA, else 0")

    def build(self, ctx: BuildContext) -> Any:
        if find_spec("ray") is None:
            raise MissingResource(
                "runner 'ray' needs Ray, which is not installed: uv pip install 'diffopt-runners[ray]', here and on "
                "every machine of the cluster"
            )
        return super().build(ctx)


class SlurmConfig(ComponentConfig):
    """What each job of the array asks Slurm for; a cluster's own rules decide all of it."""

    builds: ClassVar[str] = "diffopt_runners.slurm_runner:SlurmRunner"

    cluster: Literal["slurm", "local"] = Field("slurm", description="local: processes of this machine, to try it out")
    workers: int = Field(32, ge=1, description="jobs of the array that run at once")
    minutes: int = Field(240, ge=1, description="time limit of a job")
    cpus: int = Field(4, ge=1, description="cores of a job")
    gpus: int | None = Field(None, ge=0, description="GPUs of a job; null: 1 on CUDA, else 0")
    memory: int = Field(8, ge=1, description="memory of a job, GiB")
    partition: str | None = None
    account: str | None = None
    logs: Path = Field(Path("runs/slurm"), description="where submitit keeps its files; all machines must see it")

    def build(self, ctx: BuildContext) -> Any:
        if find_spec("submitit") is None:
            raise MissingResource(
                "runner 'slurm' needs submitit, which is not installed: uv pip install 'diffopt-runners[slurm]'"
            )
        if self.cluster == "slurm" and which("sbatch") is None:
            raise MissingResource(
                "runner 'slurm': there is no sbatch here; start the grid on a machine that submits to Slurm, or try it "
                "with --runner-set cluster=local"
            )
        return super().build(ctx)
