"""Exporter ``fbx``: written by Blender, in a process of its own."""
