"""Odometry of a moving camera: two views, then one pose after another, then bundle adjustment."""

from .odometry import Odometry, OdometryEvidence, odometry

__all__ = ["Odometry", "OdometryEvidence", "odometry"]
