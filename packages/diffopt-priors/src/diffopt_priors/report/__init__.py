"""Measuring priors on held motion, and drawing motions from them."""
