"""Results that were written earlier, read back: motion and camera, the skeleton behind them, and a mesh to show.

Public: exporters, viewers and renderers take what is here.
"""

from .beside import Beside, truth_beside
from .figure import Figure, figure_of
from .rest import posed, rest_from_joints
from .result import read_result
from .surface import Surface, body_surface, drawn_surface

__all__ = [
    "Beside",
    "Figure",
    "Surface",
    "body_surface",
    "drawn_surface",
    "figure_of",
    "posed",
    "read_result",
    "rest_from_joints",
    "truth_beside",
]
