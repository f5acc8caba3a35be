"""Timing of the evidence: offsets and rates between initial poses and keypoints, frozen parts, and implausible cadence.

The motion of the initial poses in the image is compared with that of the keypoints under offsets in time, other rates
and reversal.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from torch import Tensor

from ..data.skeleton import JOINT
from ..data.window import Evidence
from .agreement import Shared, clocks

#: Another clock is told where it leaves at most this share of what is apart (measured on honest clips: 0.93 and more,
#: at half the rate 0.31 to 0.9), and where there is something apart at all, as a share of the person.
_LEFT, _APART = 0.8, 0.03
#: Of fewer frames something always fits.
_FEWEST = 32
#: A part that stands still in more frames than this share, while the keypoints or poses move by so much of a person.
_STILL, _MOVES = 0.5, 0.05
#: Sprinters take 2.5 strides a second. Legs that swing by less than this standard deviation, m, do not stride.
_STRIDES, _SWING = 3.2, 0.1
#: Slower people take shorter steps: half of what feet are apart at most, over strides a second, is 0.46 m s whether one
#: strolls or runs (365 mocap clips: 0.2 to 1.1; standing, dancing and acrobatics with smaller steps are left out).
_USUAL_STEP, _LONG_STEP, _STEPS_FROM = 0.46, 1.4, 0.2
#: Smoothing before that, s: of a step of slow motion nothing is lost.
_SLOW = 0.25


def still(points: Shared) -> Iterator[str]:
    """Rows that are the same bit for bit, where the other side's are not."""
    share = {}
    for name, rows in (("keypoints", points.seen), ("initial poses", points.first)):
        share[name] = float((np.diff(rows, axis=0) == 0).all((1, 2)).mean()) if len(rows) > 1 else 0.0
    moves = {"keypoints": points.first, "initial poses": points.seen}
    for name, other in moves.items():
        here = np.where(points.there[..., None], other, np.nan)
        if share[name] > _STILL and share[name] > 2 * min(share.values()) and _spread(here) > _MOVES * points.size:
            yield f"the {name} stand still in {share[name]:.0%} of the frames, where the person moves"


def _spread(points: np.ndarray) -> float:
    """How far points get from where they are at first, px: the median over them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a point that is never seen
        return float(np.nanmedian(np.nanmax(points, 0) - np.nanmin(points, 0)))


def out_of_step(points: Shared) -> Iterator[str]:
    """Another clock by which poses and keypoints move alike."""
    if len(points.first) < _FEWEST:
        return
    words, _, frames, rows = zip(*clocks(len(points.first)), strict=True)
    apart = _motion_apart(points, frames[0], frames[0][None])[0]
    if not apart > _APART:
        return
    every = np.concatenate([_motion_apart(points, frames[0], some) for some in _few(np.stack(rows))])
    best = int(every.argmin())
    if every[best] < _LEFT * apart:
        yield f"the poses move as the keypoints do if they are {words[best]}"


def _few(rows: np.ndarray) -> list[np.ndarray]:
    """Some at a time, so that memory is bounded."""
    return np.array_split(rows, -(-len(rows) // 64))


def _motion_apart(points: Shared, frames: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Median distance ``[S]`` of poses at the frames ``rows [S T]`` from the keypoints at ``frames [T]``, as a share of
    the person: without each frame's place in the image and each joint's own offset, which detectors and fits differ
    by. Infinite where nothing can be compared."""
    first, seen, there = points.at(frames, rows)
    gap = first - seen
    gap[~there] = np.nan
    gap -= _median(gap, 2)
    gap -= _median(gap, 1)
    off = np.sqrt(np.square(gap).sum(-1)).reshape(len(rows), -1)
    return np.nan_to_num(_median(off, 1)[:, 0] / points.size, nan=np.inf)


def _median(values: np.ndarray, axis: int) -> np.ndarray:
    """Median of what is not NaN along an axis, which stays; NaN where all is. numpy's own takes 20 times as long."""
    ordered = np.sort(values, axis=axis)  # NaN last
    count = np.isfinite(values).sum(axis, keepdims=True)
    low, high = (
        np.take_along_axis(ordered, np.maximum(k, 0), axis) for k in ((count - 1) // 2, count // 2 - (count == 0))
    )
    return 0.5 * (low + high)


def swing(evidence: Evidence, joints: Tensor) -> Iterator[str]:
    """Legs that are too fast, or slower than such long steps are taken. ``joints``: of the initial poses, ``[T 24 3]``,
    m, in the camera."""
    apart = joints[:, JOINT["left_ankle"]] - joints[:, JOINT["right_ankle"]]
    own = (evidence.body.global_orient.mT @ apart.unsqueeze(-1)).squeeze(-1).double().numpy()
    ahead, fps = own[evidence.observations.valid.numpy(), 2], evidence.clip.fps
    if len(ahead) < 16 or ahead.std() < _SWING:
        return
    power = np.abs(np.fft.rfft((ahead - ahead.mean()) * np.hanning(len(ahead)))) ** 2
    strides = (power[1:].argmax() + 1) * fps / len(ahead)
    if strides > _STRIDES:
        yield f"the legs take {strides:.1f} strides per second: is the frame rate of {fps:g} too high?"
    yield from _slow_motion(_blurred(ahead, _SLOW * fps), fps)


def _blurred(values: np.ndarray, frames: float) -> np.ndarray:
    """By a Gaussian of this standard deviation; importing scipy's takes a tenth of the time to the first step."""
    reach = int(4 * frames + 0.5)
    near = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(frames, 1e-9)) ** 2)
    return np.convolve(np.pad(values, reach, "symmetric"), near / near.sum(), "valid")


def _slow_motion(ahead: np.ndarray, fps: float) -> Iterator[str]:
    """``ahead``: how far the left foot is before the right one, m, in each frame."""
    step, strides = np.sqrt(2) * ahead.std(), np.diff(ahead).std() * fps / (2 * np.pi * ahead.std())
    # a step at least: of less, such as a change of weight, no rate can be told
    both_ways = min(ahead.max(), -ahead.min()) > step / 2 and strides * len(ahead) / fps > 0.5
    if both_ways and step > _STEPS_FROM and step > _LONG_STEP * strides:
        times = 2 ** round(np.log2(step / strides / _USUAL_STEP))
        yield (
            f"steps of {step:.1f} m at {strides:.2f} strides a second: slow motion? If the camera recorded more than "
            f"{fps:g} frames a second, say how many (--fps {times * fps:g}?)"
        )
