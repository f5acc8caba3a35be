"""Inspect and compare results: pictures, reports, tables, and grids of runs."""
