"""Scores of many cells (a row of a table on a case, by a seed) side by side: statistics, tables and reports."""

from __future__ import annotations

from .model import Case, Cell, Column, Row, State, Study
from .write import write_report

__all__ = ["Case", "Cell", "Column", "Row", "State", "Study", "write_report"]
