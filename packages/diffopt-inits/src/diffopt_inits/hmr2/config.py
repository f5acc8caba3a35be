"""Settings of the initializer ``hmr2``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from diffopt_core.config import ComponentConfig
from pydantic import PositiveInt

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext, Initializer


class Hmr2Config(ComponentConfig):
    """HMR2.0 from a result file, or run on the person's boxes.

    ``file``: a result of PHALP or 4D-Humans' ``track.py`` (``results/*.pkl``). ``smpl``: your SMPL model file, for the
    exact pelvis. Without ``file`` the package ``hmr2`` runs in ``env`` (a path, ``conda:NAME``, ``here``; by default
    what ``--env`` says): ``checkpoint``, by default where 4D-Humans keeps it; ``batch``: people at once.
    """

    licence: ClassVar[str] = "HMR2.0: MIT (code); needs SMPL, Max Planck non-commercial research licence"

    file: Path | None = None
    smpl: Path | None = None
    env: str | None = None
    checkpoint: Path | None = None
    batch: PositiveInt = 16

    def build(self, ctx: BuildContext) -> Initializer:
        if self.file is not None:
            from ..readers.initializer import ResultInitializer

            return ResultInitializer("hmr2", self.file, self.smpl)
        from .initializer import Hmr2Initializer

        return Hmr2Initializer(self, self.env or ctx.env or "here", str(ctx.device))
