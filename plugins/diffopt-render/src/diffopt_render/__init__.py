"""Results as videos and stills: renderers, views of a result, and files."""
