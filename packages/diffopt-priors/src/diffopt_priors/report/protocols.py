"""What the object of a prior may offer beside its energy, for ``diffopt prior-report`` alone. Both are optional."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from diffopt_core.types import Scene
from jaxtyping import Float
from torch import Tensor

#: Section -> row -> column -> value; None where nothing could be measured.
Sections = dict[str, dict[str, dict[str, float | None]]]


@runtime_checkable
class Ranks(Protocol):
    """A prior whose energy is made for descent may have a better number for telling real motion from spoilt.

    An object that has none with its present weights says so with ``self.rank = None``; its energy is asked then.
    """

    def rank(self, scene: Scene) -> Float[Tensor, "B"]:
        """Lower for motion that is more like real motion. Noise, if any, from the context's streams."""
        ...


@runtime_checkable
class Reports(Protocol):
    """A prior that can say more of itself than its energies do."""

    def report(self, scene: Scene, parts: Mapping[str, Tensor], samples: int) -> Sections:
        """``scene``: all held windows, those that the object was built on. ``parts``: shard -> rows of them.
        ``samples``: how many motions to draw, for priors that can; 0 for none. Each section is printed as a table."""
        ...
