"""A dynamic programme over frames: of several readings of each frame, those by which things move on as before."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..data.contact import runs

Array = np.ndarray
#: Expected acceleration, m/s^2, and first speed, m/s, of what is followed.
ACCELERATION, SPEED = 40.0, 4.0
#: Squared error, in sigmas, from which on a thing says no more than that it does not fit.
MOST = 20.0
#: Price of a change of the reading, in squared sigmas.
CHANGE = 8.0
#: A stretch is read otherwise only where that fits better by so much, in squared sigmas, and where something would
#: jump, at its ends or in it, by so much: what else tells errs alike in neighbouring frames.
DECIDES, JUMPS = 6.0, 5.0
#: Over a longer gap nothing is carried on, s.
GAP = 0.3


@dataclass(frozen=True)
class Followed:
    """Things that are read together. ``places [R T N D]``: what each of R readings makes of them, m; ``weight [T N]``
    in [0, 1]; ``noise [N]``: expected error, m; ``price [T R]``: of each reading in each frame."""

    places: Array
    weight: Array
    noise: Array
    price: Array


def choose(groups: list[Followed], states: Array, time: Array, held: Array, change: Array) -> Array:
    """The state ``[T]`` of each frame. ``states [S G]``: the reading of each group in each state; ``time [T]`` s;
    ``held [S]``: price of a state, a second; ``change [S S]``: price of a change of the state, in units of CHANGE."""
    frames, count = len(time), len(states)
    if frames < 3:
        return np.zeros(frames, int)
    step = np.diff(time)
    stay = np.concatenate([step[:1], step]).clip(max=GAP)[:, None] * held
    for group, reading in zip(groups, states.T, strict=True):
        stay = stay + group.price[:, reading]
    moving = [
        (_next(group, range(2, frames), step).reshape(frames - 2, -1), _row(group, reading))
        for group, reading in zip(groups, states.T, strict=True)
        if len(group.noise)
    ]
    # what is followed by the programme are the states of two frames in a row
    best = np.empty((frames, count, count))
    best[1] = stay[0][:, None] + stay[1] + CHANGE * (change + change[0][:, None])
    for group, reading in zip(groups, states.T, strict=True):
        best[1] += _first(group, step[0])[np.ix_(reading, reading)]
    cost, part = np.empty((2, count, count, count))
    for t in range(2, frames):
        cost[:] = best[t - 1][:, :, None]
        for follow, row in moving:
            np.take(follow[t - 2], row, out=part, mode="clip")  # "raise" would copy
            cost += part
        np.min(cost, 0, out=best[t])
        best[t] += stay[t] + CHANGE * change
    last = best[-1] + CHANGE * change[0]  # a burst at an end has an end, too
    path = np.zeros(frames, int)
    path[-2], path[-1] = np.unravel_index(int(last.argmin()), last.shape)
    for t in range(frames - 1, 1, -1):
        came = best[t - 1][:, path[t - 1]]
        for follow, row in moving:
            came = came + follow[t - 2][row[:, path[t - 1], path[t]]]
        path[t - 2] = came.argmin()
    return _decided(groups, states, stay, step, change, path)


def _decided(groups: list[Followed], states: Array, stay: Array, step: Array, change: Array, path: Array) -> Array:
    """The path without the stretches by which hardly anything is gained."""

    def cost(path: Array) -> tuple[float, float]:
        frames, moved = np.arange(len(path)), 0.0
        total = stay[frames, path].sum()
        total += CHANGE * (change[path[:-1], path[1:]].sum() + change[0][path[[0, -1]]].sum())
        for group, reading in zip(groups, states.T, strict=True):
            if len(group.noise):
                read = reading[path]
                moved += _first(group, step[0])[read[0], read[1]]
                follow = _next(group, range(2, len(path)), step)
                moved += follow[frames[:-2], read[:-2], read[1:-1], read[2:]].sum()
        return float(total + moved), float(moved)

    def kept(path: Array, start: int, end: int) -> Array:
        without = path.copy()
        without[start:end] = 0
        gain, smoother = np.subtract(cost(without), cost(path))
        return without if gain < DECIDES or (smoother < JUMPS and end - start < len(path)) else path

    for start, end in runs(path > 0):
        path = kept(path, start, end)
        inside = start + np.flatnonzero(np.diff(path[start:end])) + 1  # and each part of it that is read in one way
        if path[start] and len(inside):
            for first, last in pairwise([start, *inside.tolist(), end]):
                path = kept(path, first, last)
    return path


def _row(group: Followed, reading: Array) -> Array:
    """Where :func:`_next` of a group has the cost of three states, ``[S S S]``, if its readings are one axis."""
    count = len(group.places)
    return (reading[:, None, None] * count + reading[None, :, None]) * count + reading


def _next(group: Followed, rows: range, step: Array) -> Array:
    """Cost ``[K R R R]`` of three frames in a row, of which ``rows`` are the last: how far these are from where the
    others lead. ``step [T-1]``: s between frames."""
    first, second, third = (group.places[:, rows.start - k : rows.stop - k] for k in (2, 1, 0))
    before, after = (step[rows.start - k : rows.stop - k] for k in (2, 1))
    lead = np.where(before <= GAP, np.minimum(after / before, 2.0), 0.0)
    reach = np.where(lead > 0, ACCELERATION * after * np.maximum(after, before), SPEED * after)
    sigma = np.square(group.noise) * (1 + lead[:, None]) + np.square(reach)[:, None]
    led = second[None] + lead[:, None, None] * (second[None] - first[:, None])
    miss = np.square(third[None, None] - led[:, :, None]).sum(-1) / sigma
    seen = np.minimum.reduce([group.weight[rows.start - k : rows.stop - k] for k in (2, 1, 0)])
    seen = seen * (after <= GAP)[:, None]
    return np.moveaxis((seen * np.minimum(miss, MOST)).sum(-1), -1, 0)


def _first(group: Followed, step: float) -> Array:
    """Cost ``[R R]`` of the first two frames, whose speed is not known."""
    first, second = group.places[:, 0], group.places[:, 1]
    miss = np.square(second[None] - first[:, None]).sum(-1) / (np.square(group.noise) + (SPEED * step) ** 2)
    return (group.weight[:2].min(0) * np.minimum(miss, MOST)).sum(-1) * (step <= GAP)


def by_most(state: Array) -> Array:
    """``state [T]`` as seen from the one of most frames, whose reading the file may have as well as any other: 0 where
    it is that, and that where it is 0."""
    most = int(np.bincount(state).argmax())
    return np.where(state == 0, most, np.where(state == most, 0, state))


def minority(state: Array, time: Array, longest: float) -> Array:
    """``state [T]`` with 0 where another state than 0 lasts longer than ``longest`` s, and throughout if it has two
    thirds of the frames: that is no burst, it is what the evidence says."""
    out = state.copy()
    for start, end in runs(state > 0):
        if time[end - 1] - time[start] > longest:
            out[start:end] = 0
    return out if (state > 0).mean() < 2 / 3 else np.zeros_like(out)
