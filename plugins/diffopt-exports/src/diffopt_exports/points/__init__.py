"""Exporters ``csv`` and ``trc``: joints as points."""
