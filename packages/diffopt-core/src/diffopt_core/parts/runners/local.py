"""Runner ``local``: worker processes of this machine, one a GPU, or one a core where there is none."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ...config import ComponentConfig


class LocalConfig(ComponentConfig):
    """How many workers, and how many threads each has."""

    builds: ClassVar[str] = "diffopt_core.parts.runners.processes:of_this_machine"

    workers: int | None = Field(None, ge=1, description="processes; null: one a GPU, or one a core on a CPU")
    threads: int | None = Field(None, ge=1, description="threads a worker; null: the cores, shared out evenly")
