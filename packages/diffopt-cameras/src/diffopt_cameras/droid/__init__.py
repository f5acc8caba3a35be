"""Camera ``droid``: run DROID-SLAM in its own environment, or read cameras saved by a SLAM system."""
