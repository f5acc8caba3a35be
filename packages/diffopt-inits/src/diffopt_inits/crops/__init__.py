"""Crop-based regressors, run in their own environments: HMR2.0 and VIBE."""
