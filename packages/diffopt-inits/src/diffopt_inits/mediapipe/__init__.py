"""Detector ``mediapipe``: BlazePose on the CPU, in its own environment."""
