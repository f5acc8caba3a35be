"""Render results as videos and images: renderers, views of a result, and files."""
