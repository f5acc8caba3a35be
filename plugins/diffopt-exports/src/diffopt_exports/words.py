"""What stands beside every file: conventions, what was asked, what was done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .options import MotionOptions
from .orient import Axes
from .performance import Performance


def describe(performance: Performance, options: MotionOptions, axes: Axes, **own: Any) -> Mapping[str, Any]:
    """Plain data; ``own``: what the format adds."""
    return {
        "name": performance.name,
        "frames": performance.num_frames,
        "fps": performance.fps,
        **axes.describe(),
        "body_model": performance.body_model,
        "betas_of": performance.betas_of,
        "options": options.model_dump(mode="json"),
        **own,
        **performance.facts,
    }
