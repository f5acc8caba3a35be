"""``motion.usdc``: a stage with a SkelRoot (skeleton, its animation, the skinned mesh) and the camera."""

from __future__ import annotations

from pathlib import Path

from diffopt_core.errors import DiffOptError
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import Result

from ..files import drafted, write_beside
from ..orient import Axes, chosen
from ..performance import perform
from ..skinned import SkinnedOptions, surface_of
from ..words import describe
from .stage import make_stage


class UsdExporter:
    """Implements :class:`diffopt_core.interfaces.Exporter`."""

    def __init__(self, options: SkinnedOptions, ctx: BuildContext | None = None):
        self._options = options

    def export(self, result: Result, folder: Path) -> list[Path]:
        """Write ``motion.usdc`` and ``motion.usdc.json``; raises DiffOptError naming an unusable folder."""
        from pxr import Tf

        options = self._options
        performance = perform(result, options)
        surface = surface_of(performance, options)
        axes = chosen(options.up, options.unit, Axes("y", "m"))
        stage, told = make_stage(performance, surface, options, axes)
        path = folder / "motion.usdc"
        with drafted(path) as part:
            try:
                written = stage.GetRootLayer().Export(str(part))
            except Tf.ErrorException as error:
                raise DiffOptError(
                    f"{folder}: cannot write {path.name}: {str(error).strip().splitlines()[-1]}"
                ) from None
            if not written:
                raise DiffOptError(f"{folder}: cannot write {path.name}")
        return [path, write_beside(path, describe(performance, options, axes, **told))]
