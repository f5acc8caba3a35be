"""Points on the background, followed from frame to frame."""

from .follow import Following, follow
from .table import Tracks

__all__ = ["Following", "Tracks", "follow"]
