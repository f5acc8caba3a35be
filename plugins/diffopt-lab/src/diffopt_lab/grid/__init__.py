"""A grid: recipes x cases x seeds as data, executed by a runner, resumable, read back as a study."""
