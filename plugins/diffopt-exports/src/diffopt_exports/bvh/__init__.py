"""Exporter ``bvh``: a skeleton and its angles as text."""
