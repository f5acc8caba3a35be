"""Dataset ``simulated``: a motion file in, a moving-camera case with its truth out (see ``datasets/simulator``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ..config import ComponentConfig
from .amass import AmassConfig
from .simulator.settings import SimulatorSettings

if TYPE_CHECKING:
    from ..interfaces import BuildContext
    from .simulator.dataset import SimulatedDataset


class SimulatedConfig(ComponentConfig):
    """``seed`` None takes the run's. Only used when named: ``--dataset simulated``."""

    seed: int | None = Field(default=None, ge=0)
    start: int = Field(default=0, ge=0, description="first frame of the motion")
    frames: int | None = Field(default=None, ge=3, description="how many frames; null takes all")
    motion: AmassConfig = AmassConfig()
    settings: SimulatorSettings = SimulatorSettings()

    def build(self, ctx: BuildContext) -> SimulatedDataset:
        from .simulator.dataset import SimulatedDataset

        return SimulatedDataset(self, ctx.seed if self.seed is None else self.seed)
