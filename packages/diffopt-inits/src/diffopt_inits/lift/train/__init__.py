"""Training of the lifting network: motion seen through simulated cameras, by detectors that err."""
