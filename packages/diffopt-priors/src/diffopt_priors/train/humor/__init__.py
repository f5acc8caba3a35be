"""Training of the transition prior."""
