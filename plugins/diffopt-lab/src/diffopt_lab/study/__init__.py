"""Compare scores of many cells (one row, case and seed each): statistics, tables and reports."""

from __future__ import annotations

from pathlib import Path

from .model import Case, Cell, Column, Row, State, Study

__all__ = ["Case", "Cell", "Column", "Row", "State", "Study", "write_report"]


def write_report(study: Study, folder: Path) -> list[Path]:
    """Write all files of the report into a folder; returns their paths, ``report.md`` first."""
    from .write import write_report  # protocol and table names are needed without the numeric libraries

    return write_report(study, folder)
