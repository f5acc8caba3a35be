"""Training of the lifting network on motion with simulated cameras and detectors."""
