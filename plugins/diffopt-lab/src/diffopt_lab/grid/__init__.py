"""A grid: recipes x cases x seeds as data, done by a runner, resumed after a kill, read back as a study."""
