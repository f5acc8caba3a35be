"""OpenPose (Cao et al. 2019): folders of ``*_keypoints.json``."""
