"""Renderer ``embree``: rays on a CPU (embreex), for machines without OpenGL."""
