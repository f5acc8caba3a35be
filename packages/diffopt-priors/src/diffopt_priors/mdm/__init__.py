"""Motion diffusion model: features, network, diffusion and score distillation."""
