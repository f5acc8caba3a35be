"""Detector ``mediapipe``: BlazePose on the CPU, in an environment of its own."""
