"""Readers for result files of other systems: people and cameras, validated, in one convention."""
