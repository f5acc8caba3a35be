"""Components of the core: bodies, representations, terms, executors, datasets, exporters, metrics, runners."""
