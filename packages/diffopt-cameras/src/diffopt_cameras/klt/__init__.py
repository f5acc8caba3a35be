"""The camera from the images alone: the simplest model that explains how the background moves."""
