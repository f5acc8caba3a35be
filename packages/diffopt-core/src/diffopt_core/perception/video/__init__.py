"""Images of a clip: metadata and frames of video files (PyAV) and of folders of images.

Frames come as RGB ``H W 3`` uint8 arrays, upright (rotation metadata applied), in the order of
:attr:`diffopt_core.types.Video.frames`.
"""

from __future__ import annotations

from .probe import IMAGE_SUFFIXES, METADATA, VIDEO_SUFFIXES, Probe, focal_pixels, probe
from .read import read_frames, reduced_size

__all__ = [
    "IMAGE_SUFFIXES", "METADATA", "VIDEO_SUFFIXES", "Probe", "focal_pixels", "probe", "read_frames", "reduced_size",
]  # fmt: skip
