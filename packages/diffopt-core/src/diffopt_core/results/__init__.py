"""The walk from files to results, and results on disk."""
