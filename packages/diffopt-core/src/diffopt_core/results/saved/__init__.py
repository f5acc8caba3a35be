"""Results that were written earlier, read back: motion and camera, the skeleton behind them, and a mesh to show.

Public: exporters, viewers and renderers take what is here.
"""

from .figure import Figure, Surface, body_surface, check_finite, drawn_surface, figure_of, posed, rest_from_joints
from .result import read_result
from .truth import Beside, named_joints, truth_beside

__all__ = [
    "Beside",
    "Figure",
    "Surface",
    "body_surface",
    "check_finite",
    "drawn_surface",
    "figure_of",
    "named_joints",
    "posed",
    "read_result",
    "rest_from_joints",
    "truth_beside",
]
