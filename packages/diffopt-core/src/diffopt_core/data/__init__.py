"""Tensors and what they mean: skeleton, rotations, geometry, windows of frames."""
