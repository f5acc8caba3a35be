"""Training of the motion diffusion prior."""
