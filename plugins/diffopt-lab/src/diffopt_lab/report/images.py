"""Frames of the clip's video, small, for the view through the camera."""

from __future__ import annotations

import base64
import io
import logging
from dataclasses import replace
from typing import Any

from diffopt_core.errors import DiffOptError
from diffopt_core.perception.video import read_frames
from diffopt_core.types import Clip

log = logging.getLogger(__name__)
#: At most so many images, evenly over the clip; longest side, px; JPEG quality. About 1 MB in all.
MOST, LONGEST, _QUALITY = 100, 400, 55


def images_of(clip: Clip) -> dict[str, Any] | None:
    """``every``: frames from one image to the next; ``urls``: data addresses. None where the clip has no video, and,
    with a notice, where it cannot be read."""
    if clip.video is None:
        return None
    from PIL import Image

    every = -(-clip.num_frames // MOST)
    some = replace(clip.video, frames=clip.video.frames[::every])
    urls = []
    try:
        for frame in read_frames(some, LONGEST):
            file = io.BytesIO()
            Image.fromarray(frame).save(file, "JPEG", quality=_QUALITY, optimize=True)
            urls.append("data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode())
    except DiffOptError as error:
        log.warning("%s: the report has no images of the video (%s)", clip.name, error)
        return None
    return {"every": every, "urls": urls}
