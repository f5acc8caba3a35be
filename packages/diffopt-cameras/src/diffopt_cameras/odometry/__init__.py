"""A camera that moves: two views, then pose after pose, then everything adjusted together."""

from .odometry import Odometry, OdometryEvidence, odometry

__all__ = ["Odometry", "OdometryEvidence", "odometry"]
