"""Scores of many cells (a row of a table on a case, by a seed) side by side: statistics, tables and reports."""

from __future__ import annotations

from pathlib import Path

from .model import Case, Cell, Column, Row, State, Study

__all__ = ["Case", "Cell", "Column", "Row", "State", "Study", "write_report"]


def write_report(study: Study, folder: Path) -> list[Path]:
    """Every file of the report into a folder; their paths, ``report.md`` first."""
    from .write import write_report  # names of protocols and tables are asked for without numbers

    return write_report(study, folder)
