"""Names, settings and objects: registry, recipes, training loops, contracts for plugin authors."""
