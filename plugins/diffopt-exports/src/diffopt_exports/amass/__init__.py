"""Exporter ``amass``: what tools for SMPL read."""
