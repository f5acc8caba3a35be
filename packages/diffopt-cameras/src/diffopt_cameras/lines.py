"""Straight segments outside of people (LSD, von Gioi et al. 2010) in a few images of a clip."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from diffopt_core.perception.video import read_frames
from diffopt_core.types import Clip, Observations
from numpy.typing import NDArray

from .tracks.mask import PersonMask, coarse_shape
from .wahba import Array

#: Images that are searched, their longest side, and the shortest segment, as a share of it.
IMAGES, _LONGEST, _SHORTEST = 6, 960, 0.05
#: Error of a segment's direction, rad: of things that are not quite straight or upright, and px at its ends.
_STRAIGHT, _ENDS = 0.012, 0.7


@dataclass(frozen=True)
class Lines:
    """The segments of one image, number ``frame``: ``ends [N 2 2]`` px about the image's middle, ``error [N]`` rad of
    their directions."""

    frame: int
    ends: Array
    error: Array

    def normals(self, focal: float) -> Array:
        """Unit normals [N, 3], in the camera, of the planes through it and each segment; ``focal`` px."""
        rays = np.concatenate([self.ends / focal, np.ones((*self.ends.shape[:2], 1))], -1)
        normal = np.cross(rays[:, 0], rays[:, 1])
        return np.asarray(normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9))

    def only(self, mask: NDArray[np.bool_]) -> Lines:
        """Some of the segments, ``mask`` [N]."""
        return Lines(self.frame, self.ends[mask], self.error[mask])

    def closer(self, zoom: float) -> Lines:
        """The segments as a lens sees them that is so much wider."""
        return Lines(self.frame, self.ends / zoom, self.error)


def find_lines(clip: Clip, observations: Observations) -> list[Lines]:
    """Segments of up to six images, spread over the clip."""
    assert clip.video is not None
    wanted = set(np.unique(np.linspace(0, clip.num_frames - 1, IMAGES).round().astype(int)).tolist())
    people, finder, out = PersonMask(observations, clip.size), cv2.createLineSegmentDetector(), []
    for number, image in enumerate(read_frames(clip.video, _LONGEST)):
        if number not in wanted:
            continue
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
        found = finder.detect(grey)[0]
        if found is None:
            continue
        ends = np.asarray(found, np.float64).reshape(-1, 2, 2)
        size = np.array(grey.shape[::-1])
        barred = people(number, coarse_shape(grey.shape))  # type: ignore[arg-type]
        x, y = (ends.mean(1) * np.array(barred.shape[::-1]) / size).astype(int).T
        free = barred[y.clip(0, barred.shape[0] - 1), x.clip(0, barred.shape[1] - 1)] == 0
        length = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=-1)
        kept = free & (length > _SHORTEST * size.max())
        about = (ends[kept] + 0.5 - size / 2) * (max(clip.size) / size.max())
        out.append(Lines(number, about, np.hypot(_STRAIGHT, _ENDS / np.maximum(length[kept], 1.0))))
    return out
