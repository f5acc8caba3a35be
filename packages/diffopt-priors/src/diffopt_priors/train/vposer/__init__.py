"""Training of the pose prior."""
