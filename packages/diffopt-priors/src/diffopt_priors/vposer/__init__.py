"""Pose VAE (VPoser): network, published checkpoints, weight files and the energies built on it."""
