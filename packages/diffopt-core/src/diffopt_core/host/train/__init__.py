"""Shared code of all training commands: motion shards, the training loop, curves, progress, terms of the data."""
