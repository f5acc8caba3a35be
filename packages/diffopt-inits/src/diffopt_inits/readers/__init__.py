"""Readers of the result files of other systems: one file format a module, one neutral form for all."""
