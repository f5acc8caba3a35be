"""The pipeline from files to results, and results on disk."""
