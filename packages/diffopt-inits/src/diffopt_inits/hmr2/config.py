"""Settings of the initializer ``hmr2``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import PositiveInt

from ..readers.configs import ResultConfig


class Hmr2Config(ResultConfig):
    """HMR2.0 from a result file, or run on the person's boxes.

    ``file``: a result of PHALP or 4D-Humans' ``track.py`` (``results/*.pkl``). ``smpl``: your SMPL model file, for the
    exact pelvis. Without ``file`` the package ``hmr2`` runs in ``env`` (a path, ``conda:NAME``, ``here``; by default
    what ``--env`` says): ``checkpoint``, by default where 4D-Humans keeps it; ``batch``: people at once.
    """

    licence: ClassVar[str] = "HMR2.0: MIT (code); needs SMPL, Max Planck non-commercial research licence"

    name: ClassVar[str] = "hmr2"
    usual: ClassVar[str] = "a result of PHALP or of 4D-Humans, results/*.pkl"
    runs: ClassVar = frozenset({"env", "checkpoint"})

    env: str | None = None
    checkpoint: Path | None = None
    batch: PositiveInt = 16

    def target(self) -> str:
        """The reader of a file, or what runs the system."""
        return self.builds if self.file else "diffopt_inits.hmr2.initializer:Hmr2Initializer"
