"""Settings of the initializer ``vibe``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import PositiveInt

from ..readers.configs import ResultConfig


class VibeConfig(ResultConfig):
    """VIBE from a result file, or run on the person's boxes.

    ``file``: ``vibe_output.pkl``. ``smpl``: your SMPL model file, for the exact pelvis. Without ``file`` VIBE runs in
    ``env`` (a path, ``conda:NAME``, ``here``; by default what ``--env`` says) from its ``repository``, the folder of
    the clone with its ``data/vibe_data``; ``checkpoint``, by default the one trained without 3DPW there; ``batch``:
    frames that its recurrent network sees in one piece.
    """

    licence: ClassVar[str] = "VIBE and SMPL: Max Planck non-commercial research licences"

    name: ClassVar[str] = "vibe"
    usual: ClassVar[str] = "vibe_output.pkl"
    runs: ClassVar = frozenset({"env", "repository", "checkpoint"})

    env: str | None = None
    repository: Path | None = None
    checkpoint: Path | None = None
    batch: PositiveInt = 450

    def target(self) -> str:
        """The reader of a file, or what runs the system."""
        return self.builds if self.file else "diffopt_inits.vibe.initializer:VibeInitializer"
