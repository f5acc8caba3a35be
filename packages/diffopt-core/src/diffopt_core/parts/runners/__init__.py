"""Runners: where the jobs of a grid run."""
