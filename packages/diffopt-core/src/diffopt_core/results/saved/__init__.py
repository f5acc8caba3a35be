"""Reading results from disk: motion, camera, skeleton and a mesh to draw.

Public: exporters, viewers and renderers use it.
"""

from .figure import Figure, Surface, body_surface, check_finite, drawn_surface, figure_of, posed, rest_from_joints
from .result import place_beside, read_result
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
    "place_beside",
    "posed",
    "read_result",
    "rest_from_joints",
    "truth_beside",
]
