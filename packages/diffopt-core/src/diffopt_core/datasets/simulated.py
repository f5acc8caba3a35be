"""Dataset ``simulated``: a motion file in, a moving-camera case with its truth out (see ``datasets/simulator``)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ..config import ComponentConfig
from .amass import AmassConfig
from .simulator.settings import SimulatorSettings


class SimulatedConfig(ComponentConfig):
    """``seed`` None takes the run's. Only used when named: ``--dataset simulated``."""

    builds: ClassVar[str] = "diffopt_core.datasets.simulator.dataset:SimulatedDataset"

    seed: int | None = Field(default=None, ge=0)
    start: int = Field(default=0, ge=0, description="first frame of the motion")
    frames: int | None = Field(default=None, ge=3, description="how many frames; null takes all")
    motion: AmassConfig = AmassConfig()
    settings: SimulatorSettings = SimulatorSettings()
