"""Focal length and principal point of the clip's images: from the user, else from the file; never a default."""

from __future__ import annotations

import numpy as np
from diffopt_core.errors import BadInput
from diffopt_core.types import Clip
from diffopt_formats.tracks import Cameras

from .between import Between

#: A principal point this close to the image centre (share of the size) belongs to images of this size.
_NEAR_MIDDLE = 0.15
#: If the scales along x and y differ by more, the file was made from other images.
_ASPECT = 0.03


def intrinsics(clip: Clip, saved: Cameras, places: Between) -> tuple[np.ndarray, np.ndarray, str, list[str]]:
    """Focal length and principal point (T 2 each, px of the clip's images), the origin of the focal length, and notes.
    Raises BadInput if neither the user nor the file gives a focal length, or if the file was made from other images.
    """
    scale, notes = _scale(clip, saved)
    frames, middle = len(places.a), np.array(clip.size) / 2
    centre = np.broadcast_to(middle, (frames, 2))
    if saved.centre is not None:
        centre = places.linear(saved.centre) * scale
    own = None if saved.focal is None else places.linear(saved.focal) * scale
    if own is not None and not (np.isfinite(own).all() and (own > 0.1 * max(clip.size)).all()):
        raise BadInput(
            saved.path, saved.intrinsics_key, f"the focal length is {np.nanmin(own):.4g} px; it must be positive"
        )
    if clip.focal is not None:
        said = clip.focal_from or "the user"
        if own is not None and abs(np.median(own) / clip.focal - 1) > 0.1:
            notes.append(
                f"{saved.path}: its cameras were solved with a focal length of {np.median(own):.0f} px, "
                f"{clip.focal:.0f} px ({said}) is used; the poses match this focal length only approximately"
            )
        return np.full((frames, 2), clip.focal), centre, said, notes
    if own is None:
        raise BadInput(
            saved.path, "focal",
            "has no focal length, and the video has none either; give it with --focal (1200px, 28mm or 65deg)",
        )  # fmt: skip
    return own, centre, f"{saved.path.name}: {saved.intrinsics_key}", notes


def _scale(clip: Clip, saved: Cameras) -> tuple[np.ndarray, list[str]]:
    """Scale from the file's pixels to the clip's (x, y), and a note if it is not 1."""
    size, one = np.array(clip.size, dtype=np.float64), np.ones(2)
    if saved.size is not None:
        scale = size / np.array(saved.size)
        if abs(scale[0] / scale[1] - 1) > _ASPECT:
            turned = saved.size[::-1] == clip.size
            raise BadInput(
                saved.path, "size",
                f"made from images of {saved.size[0]} x {saved.size[1]}, "
                f"but the video has {clip.size[0]} x {clip.size[1]}"
                + ("; it was not turned upright there" if turned else "; it was cropped there, or is another video"),
            )  # fmt: skip
        return scale, []
    if saved.centre is None:
        return one, []
    apart = size / (2 * np.median(saved.centre, axis=0))
    if (np.abs(apart - 1) < _NEAR_MIDDLE).all():
        return one, []
    if abs(apart[0] / apart[1] - 1) > _ASPECT:
        x, y = np.median(saved.centre, axis=0)
        raise BadInput(
            saved.path, saved.intrinsics_key,
            f"the principal point ({x:.0f}, {y:.0f}) does not belong to images of {clip.size[0]} x {clip.size[1]}",
        )  # fmt: skip
    note = f"{saved.path}: made from images {1 / apart[0]:.3g} times the video's size; its intrinsics are scaled"
    return np.full(2, apart.mean()), [note]
