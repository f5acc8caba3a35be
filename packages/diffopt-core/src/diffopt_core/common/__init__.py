"""Utilities of every layer: folders, progress, command output, array files, safe reading of foreign pickles."""
