"""A motion prior in one file: people move without jerks."""

from typing import ClassVar

from diffopt_core.config import TermConfig
from diffopt_core.plugin import Component, hookimpl
from pydantic import PositiveFloat


class CalmConfig(TermConfig):
    """Mean squared jerk of the joints, in units of `typical` (m/s^3)."""

    needs: ClassVar[frozenset[str]] = frozenset({"joints"})

    typical: PositiveFloat = 100.0

    def build(self, ctx):
        def energy(scene):
            jerk = scene.joints.diff(n=3, dim=1) * ctx.fps**3
            return (jerk / self.typical).square().mean((1, 2, 3))

        return energy


@hookimpl
def diffopt_components():
    return [Component("prior", "calm", f"{__name__}:CalmConfig", "people move without jerks")]
