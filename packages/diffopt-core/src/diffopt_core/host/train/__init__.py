"""What trainings of every package share: motion shards, the loop, curves, progress, terms of the data."""
