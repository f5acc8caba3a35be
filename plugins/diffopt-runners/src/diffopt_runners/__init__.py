"""Runners of grids on more than one machine."""
