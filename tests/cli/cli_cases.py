"""What the tests of the command line share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

FRAMES = 12

#: Flags of a run that is over in a second.
QUICK = [
    *("--prior", "none", "--repr", "raw", "--no-picture"),
    *("--set", "stage.warmup.all.steps=3", "--set", "stage.guide.rounds=2", "--set", "stage.finetune.all.steps=3"),
]


@dataclass
class Ran:
    """Status and streams of one command."""

    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line after `error:`."""
        lines = [line for line in self.err.splitlines() if line.startswith("error:")]
        assert len(lines) == 1, f"expected one error line, got:\n{self.err}"
        assert "Traceback" not in self.err
        return lines[0]


def tree(folder: Path) -> set[str]:
    """Every file below a folder."""
    return {os.path.relpath(os.path.join(where, name), folder) for where, _, names in os.walk(folder) for name in names}
