"""Exporter ``glb``: one binary glTF 2.0 file."""
