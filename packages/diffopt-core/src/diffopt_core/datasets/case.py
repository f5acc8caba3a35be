"""Dataset ``case``: a case file, the one form in which all evidence reaches the solver."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from ..config import ComponentConfig


class CaseConfig(ComponentConfig):
    """``truth``: truth file; by default ``truth/<same name>`` beside the case, where there is one."""

    builds: ClassVar[str] = "diffopt_core.datasets.case_file:CaseDataset"

    truth: Path | None = None
