"""Tensor utilities: skeleton, rotations, geometry, noise, batches of clips."""
