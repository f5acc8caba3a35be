"""A dynamic programme over frames: of several readings of each frame, those by which things move on as before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray
#: Expected acceleration, m/s^2, and first speed, m/s, of what is followed.
ACCELERATION, SPEED = 40.0, 4.0
#: Squared error, in sigmas, from which on a thing says no more than that it does not fit.
MOST = 20.0
#: Price of a change of the reading, in squared sigmas.
CHANGE = 8.0
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
    # what is followed by the programme are the states of two frames in a row
    back = np.zeros((frames, count, count), int)
    total = stay[0][:, None] + stay[1] + CHANGE * (change + change[0][:, None])
    for group, reading in zip(groups, states.T, strict=True):
        total = total + _first(group, step[0])[np.ix_(reading, reading)]
    for t in range(2, frames):
        cost = stay[t] + CHANGE * change[None] + total[:, :, None]
        for group, reading in zip(groups, states.T, strict=True):
            cost = cost + _next(group, t, step[t - 2], step[t - 1])[np.ix_(reading, reading, reading)]
        back[t], total = cost.argmin(0), cost.min(0)
    total = total + CHANGE * change[0]  # a burst at an end has an end, too
    path = np.zeros(frames, int)
    path[-2], path[-1] = np.unravel_index(int(total.argmin()), total.shape)
    for t in range(frames - 1, 1, -1):
        path[t - 2] = back[t, path[t - 1], path[t]]
    return path


def _next(group: Followed, t: int, before: float, after: float) -> Array:
    """Cost ``[R R R]`` of three frames in a row: how far the last one is from where the others lead."""
    if after > GAP:
        return np.zeros((len(group.places),) * 3)
    lead = min(after / before, 2.0) if before <= GAP else 0.0
    first, second, third = (group.places[:, k] for k in (t - 2, t - 1, t))
    led = second[None, :] + lead * (second[None, :] - first[:, None])
    miss = np.square(third[None, None] - led[:, :, None]).sum(-1)
    reach = (ACCELERATION * after * max(after, before)) if lead else SPEED * after
    sigma = np.square(group.noise) * (1 + lead) + reach**2
    return (group.weight[t - 2 : t + 1].min(0) * np.minimum(miss / sigma, MOST)).sum(-1)


def _first(group: Followed, step: float) -> Array:
    """Cost ``[R R]`` of the first two frames, whose speed is not known."""
    first, second = group.places[:, 0], group.places[:, 1]
    miss = np.square(second[None] - first[:, None]).sum(-1) / (np.square(group.noise) + (SPEED * step) ** 2)
    return (group.weight[:2].min(0) * np.minimum(miss, MOST)).sum(-1) * (step <= GAP)


def minority(state: Array, time: Array, longest: float) -> Array:
    """``state [T]`` with 0 where another state than 0 lasts longer than ``longest`` s, and throughout if it has two
    thirds of the frames: that is no burst, it is what the evidence says."""
    out = state.copy()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (state > 0).astype(int), [0]])))
    for start, end in edges.reshape(-1, 2):
        if time[end - 1] - time[start] > longest:
            out[start:end] = 0
    return out if (state > 0).mean() < 2 / 3 else np.zeros_like(out)
