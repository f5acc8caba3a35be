"""Initializers from result files of other systems (read by ``diffopt_formats``), and ``diffopt convert``."""
