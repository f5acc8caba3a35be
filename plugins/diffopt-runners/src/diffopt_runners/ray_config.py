"""Runner ``ray``: a task a job on a Ray cluster, or on a Ray of this machine's own."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from diffopt_core.config import ComponentConfig
from diffopt_core.errors import MissingResource
from pydantic import Field

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext


class RayConfig(ComponentConfig):
    """Where the cluster is, how many jobs are on it at once, and what each of them reserves."""

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
