"""Whether the parts of the evidence agree: initial poses, projected by the camera, against the keypoints.

If they disagree, likely causes (scale, crop, swapped sides, time offset ...) are tested and named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from ..data.geometry import project
from ..data.skeleton import JOINT, LAYOUTS, mirror_order
from ..data.window import Evidence
from .facing import joints_of, pose_of

#: Least confidence of keypoints that are compared.
CONFIDENT = 0.3
#: Distance of joints from keypoints as a share of the person's size. Below the first, no check is made; correct initial
#: poses stay below the second (measured: 0.05 to 0.08); above the third the evidence is refused.
FINE, DOUBTFUL, WRONG = 0.02, 0.15, 0.5
#: The one cause for which a guessed value may be responsible.
FOCAL = "the focal length"
#: A cause is accepted if correcting it leaves at most this share of the distance (on correct evidence no correction
#: leaves less than 0.9), and a distance of at most this share of the person's size.
_LEFT, _FITS = 0.5, 0.12
#: Most frames that are compared, so that the time which a clip takes grows as its length does.
_COMPARED = 256
#: Usual ratios of frame rates between copies of a video.
RATES = (0.4, 0.5, 0.6, 0.8, 0.8333, 0.96, 1.0417, 1.2, 1.25, 1.6667, 2.0, 2.5)
#: Order in Human3.6M of the joints that COCO-17 shares with the body.
_H36M = {
    "left_shoulder": 11, "right_shoulder": 14, "left_elbow": 12, "right_elbow": 15, "left_wrist": 13, "right_wrist": 16,
    "left_hip": 4, "right_hip": 1, "left_knee": 5, "right_knee": 2, "left_ankle": 6, "right_ankle": 3,
}  # fmt: skip


@dataclass(frozen=True)
class Shared:
    """Points that initial poses and keypoints share, px: ``seen`` T J 2 detected, ``there`` T J whether detected,
    ``first`` T J 2 projected from the initial poses, ``every`` T K 2 all keypoints in their layout's order; ``size`` of
    the person; image ``width`` and ``height``."""

    names: tuple[str, ...]
    seen: np.ndarray
    there: np.ndarray
    first: np.ndarray
    every: np.ndarray
    layout: str
    size: float
    width: int
    height: int

    def at(self, frames: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Poses at the frames ``rows [*S T]``, keypoints at ``frames [T]``, and where both are there."""
        last = len(self.first) - 1
        inside = (rows >= 0) & (rows <= last)
        return self.first[rows.clip(0, last)], self.seen[frames], self.there[frames] & inside[..., None]

    def off(self, first: np.ndarray, seen: np.ndarray | None = None, there: np.ndarray | None = None) -> float:
        """Median distance of points, as a share of the person's size."""
        there = self.there if there is None else there
        gap = np.linalg.norm(first - (self.seen if seen is None else seen), axis=-1)[there]
        gap = gap[np.isfinite(gap)]
        enough = len(gap) > self.there.mean() * there.size / 2
        return float(np.median(gap)) / self.size if enough else np.inf


def joints_in_camera(evidence: Evidence, rest: torch.Tensor) -> torch.Tensor:
    """The 24 joints of the initial poses, m, in each frame's camera: ``[T 24 3]``; ``rest`` ``[24 3]``."""
    body = evidence.body
    return joints_of(pose_of(body), rest) + body.transl[:, None]


def shared(evidence: Evidence, joints: torch.Tensor) -> Shared | None:
    """The points that initial poses and keypoints share; None if there are too few."""
    observations, camera, clip = evidence.observations, evidence.camera, evidence.clip
    layout = LAYOUTS[observations.layout]
    names = tuple(name for name in layout if name in JOINT)
    pixels = project(joints[:, [JOINT[name] for name in names]], camera.focal, camera.centre).double().numpy()
    points = observations.keypoints.double().numpy()
    some = points[:, [layout.index(name) for name in names]]
    there = (some[..., 2] > CONFIDENT) & observations.valid.numpy()[:, None]
    size = min(_extent(some[..., :2], there), _extent(pixels, there & np.isfinite(pixels).all(-1)))
    if not 0 < size < np.inf:
        return None
    return Shared(names, some[..., :2], there, pixels, points[..., :2], observations.layout, size, *clip.size)


def _extent(points: np.ndarray, there: np.ndarray) -> float:
    """Median over the frames of the longer side of the points' bounding box, px; infinite if no frame has six
    points."""
    sides = [np.ptp(row[seen], axis=0).max() for row, seen in zip(points, there, strict=True) if seen.sum() > 5]
    return float(np.median(sides)) if sides else np.inf


def explain(points: Shared, off: float) -> str | None:
    """The likely cause of the disagreement, as text; None if no known cause explains it."""
    found = min(_explanations(points), key=lambda pair: pair[0], default=(np.inf, ""))
    return found[1] if found[0] < min(_FITS, _LEFT * off) else None


def _explanations(points: Shared) -> Iterator[tuple[float, str]]:
    """Remaining distance under each possible cause, and its description; simple causes first."""
    p, q, at = points.first, points.seen, points.there
    good = at & np.isfinite(p).all(-1)
    factor = float((p[good] * q[good]).sum() / max((p[good] ** 2).sum(), 1e-9))
    if factor > 0.02 and abs(factor - 1) > 0.08:
        w, h = round(points.width * factor), round(points.height * factor)
        yield points.off(factor * p), f"the keypoints are at {factor:.2f} times their size: of images of {w} x {h}?"
    shift = np.median((q - p)[good], axis=0) if good.any() else np.zeros(2)
    words = f"the keypoints lie ({shift[0]:.0f}, {shift[1]:.0f}) px away: of a cropped image, or of another person?"
    yield points.off(p + shift) + 0.01, words
    yield (
        points.off(p * factor + np.median((q - factor * p)[good], axis=0)) + 0.01,
        (f"the keypoints are at {factor:.2f} times their size and shifted: of a cropped and scaled image?"),
    )
    middle = np.array([points.width, points.height]) / 2
    wide, seen = (p - middle)[good], (q - middle)[good]
    zoom = float((wide * seen).sum() / max((wide**2).sum(), 1e-9))
    if zoom > 0.02 and abs(zoom - 1) > 0.08:
        words = f"{FOCAL} is {1 / zoom:.2f} times what would fit"
        yield points.off(middle + zoom * (p - middle)) + 0.01, words
    swap = mirror_order(points.names)
    yield points.off(p[:, swap]), "left and right of the keypoints are swapped"
    flipped = p * [-1, 1] + [points.width, 0]
    yield min(points.off(flipped), points.off(flipped[:, swap])), "the keypoints are of the mirrored image"
    yield points.off(p * [1, -1] + [0, points.height]), "the keypoints' y counts from below: inverted"
    yield points.off(p[..., ::-1]), "x and y of the keypoints are exchanged"
    turned = {"left": [points.height, 0] + p[..., ::-1] * [-1, 1], "right": [0, points.width] + p[..., ::-1] * [1, -1]}
    for side, way in turned.items():
        yield points.off(way), f"the keypoints are of the image turned to the {side}"
    if points.layout == "coco17":
        order = [_H36M[name] for name in points.names]
        yield points.off(p, points.every[:, order]), "the keypoints are in Human3.6M's order, not COCO's"
    yield from _in_time(points)


def clocks(count: int) -> Iterator[tuple[str, float, np.ndarray, np.ndarray]]:
    """Ways in which poses of ``count`` frames may be out of step: words, by how much it has to fit better, and which
    frames of the keypoints those of the poses belong to then. Of a long clip at most :data:`_COMPARED` frames."""
    frames = np.unique(np.linspace(0, count - 1, min(count, _COMPARED)).round().astype(int))
    yield "in the other direction of time", 0.005, frames, count - 1 - frames
    for shift in (k for k in range(-count // 3, count // 3 + 1) if k):
        yield f"{abs(shift)} frames {'early' if shift < 0 else 'late'}", 0.005, frames, frames + shift
    for rate in RATES:
        words = f"of a copy at {rate:.4g} times this video's frame rate"
        yield words, 0.01, frames, np.round(frames * rate).astype(int)


def _in_time(points: Shared) -> Iterator[tuple[float, str]]:
    for words, more, frames, rows in clocks(len(points.first)):
        yield points.off(*points.at(frames, rows)) + more, f"the poses are {words}"
