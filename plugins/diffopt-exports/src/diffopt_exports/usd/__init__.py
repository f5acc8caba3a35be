"""Exporter ``usd``: Universal Scene Description, UsdSkel."""
