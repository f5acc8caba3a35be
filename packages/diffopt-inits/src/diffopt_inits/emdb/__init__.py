"""EMDB (Kaufmann et al. 2023): sequences of a moving phone camera with global truth from magnetic sensors."""
