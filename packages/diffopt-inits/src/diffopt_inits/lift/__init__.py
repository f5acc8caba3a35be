"""A network that lifts 2D keypoints: pose, root, vertical, depth, speed and contacts, each with its variance."""
