"""Pictures of results: one PNG per run, and skeletons drawn over video frames. matplotlib is imported when drawing."""

from __future__ import annotations

from .overlay import draw_evidence, draw_on_video, draw_overlay, pick_frames, pixels_of
from .result import draw_result

__all__ = ["draw_evidence", "draw_on_video", "draw_overlay", "draw_result", "pick_frames", "pixels_of"]
