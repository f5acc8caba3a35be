"""Settings of the initializer ``vibe``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from diffopt_core.config import ComponentConfig
from pydantic import PositiveInt

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext, Initializer


class VibeConfig(ComponentConfig):
    """VIBE from a result file, or run on the person's boxes.

    ``file``: ``vibe_output.pkl``. ``smpl``: your SMPL model file, for the exact pelvis. Without ``file`` VIBE runs in
    ``env`` (a path, ``conda:NAME``, ``here``; by default what ``--env`` says) from its ``repository``, the folder of
    the clone with its ``data/vibe_data``; ``checkpoint``, by default the one trained without 3DPW there; ``batch``:
    frames that its recurrent network sees in one piece.
    """

    licence: ClassVar[str] = "VIBE and SMPL: Max Planck non-commercial research licences"

    file: Path | None = None
    smpl: Path | None = None
    env: str | None = None
    repository: Path | None = None
    checkpoint: Path | None = None
    batch: PositiveInt = 450

    def build(self, ctx: BuildContext) -> Initializer:
        if self.file is not None:
            from ..readers.initializer import ResultInitializer

            return ResultInitializer("vibe", self.file, self.smpl)
        from .initializer import VibeInitializer

        return VibeInitializer(self, self.env or ctx.env or "here", str(ctx.device))
