"""SMPLify's pose prior: a mixture of Gaussians over axis-angle poses."""
