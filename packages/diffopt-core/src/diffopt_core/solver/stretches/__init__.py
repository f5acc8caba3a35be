"""Clips that are too long for one solve, in overlapping stretches."""

from .solve import solve_long

__all__ = ["solve_long"]
