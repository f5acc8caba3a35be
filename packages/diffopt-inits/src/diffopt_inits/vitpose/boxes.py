"""Boxes of the person from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from diffopt_core.common.npz import read_array, read_npz
from diffopt_core.errors import BadInput, MissingResource
from diffopt_core.types import Clip
from diffopt_formats.frames import Rows, place, rows_at, source_of


def read_boxes(path: Path, clip: Clip) -> np.ndarray:
    """Boxes ``[T 4]`` x0 y0 x1 y1, px of the full image, for the clip's frames; NaN without a person."""
    if not path.is_file():
        raise MissingResource(f"detector vitpose: file of boxes '{path}' does not exist")
    if path.suffix == ".npz":
        arrays = read_npz(path)
        if "boxes" not in arrays:
            raise BadInput(path, "boxes", f"missing; the file holds {', '.join(sorted(arrays)) or 'nothing'}")
        boxes = arrays["boxes"]
    else:
        boxes = read_array(path)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or boxes.dtype.kind not in "fiu":
        raise BadInput(path, "boxes", f"shape {boxes.shape}, expected (N, 4): x0 y0 x1 y1, px, one per frame")
    source = source_of(clip)
    frames = place(Rows(path, len(boxes), key="boxes", option="detector"), source)
    rows, found = rows_at(frames, source.wanted)
    boxes = boxes.astype(np.float64)[rows]
    there = np.isfinite(boxes).all(1) & found
    if not there.any():
        raise BadInput(path, "boxes", "has no box in the frames of this clip")
    if (boxes[there, 2:] <= boxes[there, :2]).any():
        raise BadInput(path, "boxes", "has a box without area; expected x0 y0 x1 y1 (corners, not width and height)")
    return np.where(there[:, None], boxes, np.nan)
