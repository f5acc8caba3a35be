"""Training of the priors: what they share, and a room for each."""
