"""Exporters of results: GLB, BVH, AMASS, USD, CSV, TRC, FBX, and the command ``diffopt export``."""
