"""Left and right exchanged by a detector, in single frames or for up to a second: found over time, and undone.

Exchanging the two points of a pair (left and right wrist, ...) keeps their middle and negates their difference. So the
differences of all pairs, in the image and in 3D, tell all there is to know; camera motion cancels. Arms, legs and face
are read independently, from the hand or foot inward, and the whole body at once, also as one that faces the other way
(its depth mirrored).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

import numpy as np
import torch

from ..data.contact import runs
from ..data.skeleton import JOINTS, LAYOUTS
from ..types import Observations
from . import front
from .sequence import Followed, choose, minority

#: Height of a person, m, by which differences in the image become metres.
HEIGHT = 1.7
#: Expected error of a difference, m: of the face, which is small and moves as one, and of other parts.
FACE, NOISE = 0.02, 0.06
#: Price of a second of another reading of a limb or of the whole body, in squared sigmas.
SECOND = 12.0
#: What it saves that a part further in goes with those further out.
INWARD = 1.5
#: What neighbours in the body that lie the same way are worth, a second: mostly, the left knee is left of the right one
#: as the left hip is of the right one. It decides which of two stretches of similar length is the exchanged one.
ALIKE = 12.0
#: The same of a body whose feet and nose point to where its trunk faces: in 3D, and in the image.
FORWARD, TOES = 24.0, 16.0
#: How far that has to hold, of 1, on average over the frames, to decide about long stretches.
DECIDES = 0.3
#: What a pair is worth that lies as the first poses have it, a second.
POSED = 60.0
#: A burst lasts up to this long, s; of the whole body it may be any length, if toes tell or it is the lesser part.
LONGEST = 1.5
#: Least confidence of a point that has a say.
SEEN = 0.3
_WORDS = {
    "face": ("eye", "ear", "mouth"), "shoulder": ("shoulder", "collar"), "elbow": ("elbow",),
    "hip": ("hip",), "knee": ("knee",),
    "wrist": ("wrist", "hand", "pinky", "index", "thumb"), "ankle": ("ankle", "heel", "foot", "toe"),
}  # fmt: skip
#: Parts of each group, from the outside inward: an exchange concerns the first few.
_GROUPS = (("wrist", "elbow", "shoulder"), ("ankle", "knee", "hip"), ("face",))
#: Parts that mostly lie the same way: of one group, and of two.
_CHAIN = (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
_ACROSS = (("shoulder", "hip"), ("shoulder", "face"))
_NEAR = 0.1
Array = np.ndarray


@dataclass(frozen=True)
class Pairs:
    """``left``, ``right``: indices of the points of each pair; ``part``: name of its part of the body."""

    left: list[int]
    right: list[int]
    part: list[str]


@lru_cache
def pairs_of(layout: str) -> Pairs:
    """The pairs of a keypoint layout."""
    names, found = LAYOUTS[layout], Pairs([], [], [])
    for index, name in enumerate(names):
        words = name.split("_")
        other = "_".join("right" if word == "left" else word for word in words)
        if "left" not in words or other not in names:
            continue
        rest = [word for word in words if word != "left"]
        key = next((word for word in ("foot", "toe") if word in rest), rest[0])
        found.left.append(index)
        found.right.append(names.index(other))
        found.part.append(next(part for part, of in _WORDS.items() if key in of))
    return found


@dataclass(frozen=True)
class Differences:
    """Left minus right of pairs, ``apart [T P 3]`` m (x right, y down, z forward; 0 in the image), their ``weight [T
    P]``, ``part`` of the body, and what is expected of their error by the jitter of their middles, ``noise [P]`` m."""

    apart: Array
    weight: Array
    part: list[str]
    noise: Array


def _differences(points: Array, layout: str, scale: Array | float) -> Differences:
    """Of points ``[T J D]`` whose last column is a confidence; ``scale``: metres of their unit."""
    pairs = pairs_of(layout)
    left, right = points[:, pairs.left], points[:, pairs.right]
    seen = np.minimum(left[..., -1], right[..., -1])
    weight = np.where(seen > SEEN, seen, 0.0)
    apart = (left - right)[..., :-1] * scale
    middle = (left + right)[..., :-1] / 2 * scale
    middle = middle - (weight[..., None] * middle).sum(1, keepdims=True) / weight.sum(1).clip(1e-9)[:, None, None]
    jitter = np.linalg.norm(np.diff(middle, 2, axis=0), axis=-1)
    there = np.minimum(np.minimum(weight[2:], weight[1:-1]), weight[:-2]) > 0
    usual = np.nanmedian(np.where(there, jitter, np.nan), axis=0) if there.any(0).all() else np.zeros(len(pairs.part))
    parts = np.array(pairs.part)
    noise = np.hypot(np.where(parts == "face", FACE, NOISE), np.nan_to_num(usual))
    # a hand, a foot and a face are one thing each, however many points a layout gives them
    share = np.array([1 / pairs.part.count(part) for part in pairs.part])
    if apart.shape[-1] == 2:
        apart = np.concatenate([apart, np.zeros_like(apart[..., :1])], -1)
    return Differences(np.nan_to_num(apart), weight * share, pairs.part, noise)


def extent(points: Array) -> Array:
    """Extent of the person in each image, px, steady over half a second of 60."""
    there = points[..., 2:] > SEEN
    low = np.where(there, points[..., :2], np.inf).min(1)
    high = np.where(there, points[..., :2], -np.inf).max(1)
    size = np.linalg.norm(np.where(np.isfinite(low) & np.isfinite(high), high - low, 0.0), axis=-1)
    known = np.flatnonzero(size > 0)
    if not len(known):
        return np.ones(len(points))
    size = np.interp(np.arange(len(size)), known, size[known])
    half = min(15, (len(size) - 1) // 2)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(size, half, mode="edge"), 2 * half + 1)
    return np.maximum(np.median(around, axis=-1), 1e-6)


@dataclass(frozen=True)
class Exchanged:
    """``swapped``: by part of the body the frames ``[T]`` in which its left and right are exchanged; ``mirrored [T]``:
    those in which the 3D points of the whole body are mirrored in depth, too. ``undecided [T]``: those whose whole body
    is exchanged against the other frames, for long, and nothing tells which of both are right."""

    swapped: dict[str, Array]
    mirrored: Array
    undecided: Array


def exchanged(seen: Observations, fps: float, posed: Array | None = None) -> Exchanged:
    """What is exchanged. ``posed [T 24 3]``: joints of first poses in the camera's axes, m."""
    frames = np.flatnonzero(seen.valid.cpu().numpy())
    none = np.zeros(len(seen.valid), bool)
    out, mirrored, undecided = {part: none.copy() for part in _WORDS}, none.copy(), none.copy()
    if len(frames) < 3:
        return Exchanged(out, mirrored, undecided)
    time = frames / fps
    flat = seen.keypoints.cpu().numpy().astype(float)[frames]
    metres = HEIGHT / extent(flat)
    told = [_differences(flat, seen.layout, metres[:, None, None])]
    toes, forward = front.in_image(flat, seen.layout, metres, SEEN), np.zeros(len(frames))
    if seen.landmarks is not None and seen.landmark_layout is not None:
        solid = seen.landmarks.cpu().numpy().astype(float)[frames]
        told.append(_differences(solid, seen.landmark_layout, 1.0))
        forward = front.in_space(solid[..., :3], seen.landmark_layout)
    groups = [_group(told, parts, posed[frames] if posed is not None else None, fps) for parts in _GROUPS]
    table, outward, mirror = _states()
    whole = np.arange(len(table)) >= mirror
    whole[outward] = True
    odd = np.where(whole, 1, (table > 0).sum(1))
    # exchanging all at once is one event, as is one limb
    differ = (table[:, None] != table[None]).sum(-1)
    all_at_once = whole | (np.arange(len(table)) == 0)
    change = np.where(all_at_once[:, None] & all_at_once[None], np.minimum(differ, 1), differ)
    # in 3D only a body that is not mirrored as well faces another way than its feet
    groups += [_constant(FORWARD * forward / fps), _constant(TOES * toes / fps)]
    columns = [np.arange(len(table)) == outward, whole]
    on = {part: table[:, index] > place for index, parts in enumerate(_GROUPS) for place, part in enumerate(parts)}
    for one, other in _ACROSS:
        groups.append(_constant(np.sum([_alike(each, each.apart, one, other) for each in told], 0) / fps))
        columns.append(on[one] != on[other])
    # a part of which a point is hidden goes with those further out
    held = SECOND * odd - INWARD * np.clip(table.sum(1) - 1, 0, 2)
    readings = np.concatenate([table, np.stack(columns, 1).astype(int)], 1)
    state = choose(groups, readings, time, held, change)
    body = whole[state]
    tells = (toes + _posed(told, posed, frames)) * np.where(body, -1.0, 1.0)
    tells = tells + forward * np.where(state == outward, -1.0, ~body)
    decided = float(tells.mean()) > DECIDES
    if not decided and body.mean() > 1 / 2:  # the other frames go with these
        state = np.where(body, 0, np.where(state == 0, np.bincount(state[body]).argmax(), state))
        body = whole[state]
    undecided[frames] = body & (not decided and not _brief(body, time))
    state = np.where(body, state, minority(state * ~body, time, LONGEST))
    for part in _WORDS:
        out[part][frames] = on[part][state]
    mirrored[frames] = state == mirror
    return Exchanged(out, mirrored, undecided)


def _states() -> tuple[Array, int, int]:
    """How many parts of each group are exchanged in each state ``[S G]``; the states of the whole body: exchanged, and
    mirrored in depth as well (one more than there are parts)."""
    outward = [len(parts) for parts in _GROUPS]
    states = [list(state) for state in product(*(range(n + 1) for n in outward))]
    return np.array([*states, [n + 1 for n in outward]]), states.index(outward), len(states)


def _posed(told: list[Differences], posed: Array | None, frames: Array) -> Array:
    """Whether the pairs of the image lie as first poses have them, ``[T]`` in [-1, 1]; 0 without these."""
    if posed is None:
        return np.zeros(len(frames))
    mine = np.array([part != "face" for part in told[0].part])
    weight = told[0].weight * mine
    say = weight * _as_posed(told[0].apart, told[0].part, posed[frames])
    return np.asarray(say.sum(1) / weight.sum(1).clip(1e-9))


def _brief(body: Array, time: Array) -> bool:
    """Whether all stretches are short, and together the clearly lesser part."""
    return bool(body.mean() < 1 / 3 and all(time[end - 1] - time[start] <= LONGEST for start, end in runs(body)))


def _constant(worth: Array) -> Followed:
    """A group of nothing with two readings, of which the first one is ``worth [T]`` so much and the other costs it."""
    frames = len(worth)
    price = np.stack([-worth, worth], 1)
    return Followed(np.zeros((2, frames, 0, 3)), np.zeros((frames, 0)), np.zeros(0), price)


def _group(told: list[Differences], parts: Sequence[str], posed: Array | None, fps: float) -> Followed:
    """The readings of one group: as it is, exchanged from the outside inward, mirrored."""
    apart, weight = (np.concatenate([getattr(one, name) for one in told], 1) for name in ("apart", "weight"))
    names, noise = [part for one in told for part in one.part], np.concatenate([one.noise for one in told])
    mine = np.isin(names, parts)
    signs = [np.where(np.isin(names, parts[:count]), -1.0, 1.0) for count in range(len(parts) + 1)]
    read = [sign[None, :, None] * apart for sign in signs]
    read.append(-apart * [1.0, 1.0, -1.0])
    price = []
    for sign, places in zip([*signs, -np.ones(len(names))], read, strict=True):
        cost, start = np.zeros(len(apart)), 0
        for one in told:
            some = places[:, start : start + len(one.part)]
            cost = cost - sum(_alike(one, some, *link) for link in _CHAIN if link[0] in parts)
            start += len(one.part)
        if posed is not None:
            cost = cost - POSED * (weight * sign * mine * _as_posed(apart, names, posed)).sum(1)
        price.append(cost / fps)
    return Followed(np.stack(read)[:, :, mine], weight[:, mine], noise[mine], np.stack(price, 1))


def _alike(one: Differences, apart: Array, first: str, second: str) -> Array:
    """What it is worth ``[T]``, a second, that two parts lie the same way."""
    means, trust = [], np.ones(len(apart))
    for part in (first, second):
        rows = [i for i, name in enumerate(one.part) if name == part]
        total = one.weight[:, rows].sum(1)
        means.append((one.weight[:, rows, None] * apart[:, rows]).sum(1) / total.clip(1e-9)[:, None])
        trust = np.minimum(trust, total)
    return ALIKE * trust * np.tanh((means[0] * means[1]).sum(-1) / _NEAR**2)


def _as_posed(apart: Array, names: Sequence[str], joints: Array) -> Array:
    """How much each pair lies as in the first poses, ``[T P]`` in [-1, 1]; the face is not among the joints."""
    out = np.zeros(apart.shape[:2])
    for index, part in enumerate(names):
        if part != "face":
            there = joints[:, JOINTS.index(f"left_{part}")] - joints[:, JOINTS.index(f"right_{part}")]
            out[:, index] = np.tanh((apart[:, index, :2] * there[:, :2]).sum(-1) / _NEAR**2)
    return out


def in_place(seen: Observations, fps: float, posed: Array | None = None) -> tuple[Observations, list[int]]:
    """The observations with every point on its own side, and the frames that were changed; without any, the
    observations themselves. ``posed``: as in :func:`exchanged`."""
    found = exchanged(seen, fps, posed)
    changed = np.any(list(found.swapped.values()), axis=0)
    facts: dict[str, object] = {}
    if found.undecided.any():
        facts["sides_undecided"] = np.flatnonzero(found.undecided).tolist()
    if not changed.any():
        return replace(seen, facts={**seen.facts, **facts}) if facts else seen, []
    keypoints, landmarks = swap(seen.keypoints, seen.layout, found.swapped), seen.landmarks
    if landmarks is not None and seen.landmark_layout is not None:
        landmarks = swap(landmarks, seen.landmark_layout, found.swapped)
        landmarks[torch.from_numpy(found.mirrored), :, 2] *= -1
    facts["sides_exchanged"] = {part: np.flatnonzero(on).tolist() for part, on in found.swapped.items() if on.any()}
    if found.mirrored.any():
        facts["facing_turned"] = np.flatnonzero(found.mirrored).tolist()
    out = replace(seen, keypoints=keypoints, landmarks=landmarks, facts={**seen.facts, **facts})
    return out, np.flatnonzero(changed).tolist()


def swap(points: torch.Tensor, layout: str, swapped: dict[str, Array]) -> torch.Tensor:
    """A copy of ``points [T J n]`` with left and right of each part exchanged in its frames ``[T]``."""
    out, pairs = points.clone(), pairs_of(layout)
    for left, right, part in zip(pairs.left, pairs.right, pairs.part, strict=True):
        rows = torch.from_numpy(swapped[part])
        out[rows, left], out[rows, right] = points[rows, right], points[rows, left]
    return out
