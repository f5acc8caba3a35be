"""What the core offers as a plugin: bodies, representations, terms, executors, datasets, exporters, metrics."""
