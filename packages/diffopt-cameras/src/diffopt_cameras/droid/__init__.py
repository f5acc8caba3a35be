"""Camera ``droid``: DROID-SLAM, run where it is installed, and the cameras that SLAM systems saved."""
