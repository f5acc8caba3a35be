"""The plugin host: registry, recipes, completion, provenance, training loops, contract tests for plugin authors."""
