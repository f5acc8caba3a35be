"""Run grids on several machines."""
