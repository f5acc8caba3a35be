"""Evaluation of priors on held-out motion, calibration, and sampling."""
