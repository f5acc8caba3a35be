"""Dataset ``case``: a case file, the one form in which all evidence reaches the solver."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..config import ComponentConfig

if TYPE_CHECKING:
    from ..interfaces import BuildContext
    from .case_file import CaseDataset


class CaseConfig(ComponentConfig):
    """``truth``: truth file; by default ``truth/<same name>`` beside the case, where there is one."""

    truth: Path | None = None

    def build(self, ctx: BuildContext) -> CaseDataset:
        from .case_file import CaseDataset

        return CaseDataset(self.truth)
