"""Points on the background, followed from frame to frame."""

from .klt import Following, follow
from .table import Tracks

__all__ = ["Following", "Tracks", "follow"]
