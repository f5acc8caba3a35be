"""The simulator: from motion to evidence of a moving camera, with errors of detector, regressor and SLAM."""
