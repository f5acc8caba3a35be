"""The lifting network: from 2D keypoints to pose, root, vertical, depth, velocity and contacts, with variances."""
