"""Results looked at and compared: pictures, reports, tables, and grids of runs."""
