"""Components of this package."""

from __future__ import annotations

from collections.abc import Iterable

from diffopt_core.plugin import Component, hookimpl

_HERE = "diffopt_runners"


@hookimpl
def diffopt_components() -> Iterable[Component]:
    return [
        Component("runner", "ray", f"{_HERE}.configs:RayConfig", "tasks on a Ray cluster, or on this machine's Ray"),
        Component("runner", "slurm", f"{_HERE}.configs:SlurmConfig", "a Slurm job array, by submitit"),
    ]
