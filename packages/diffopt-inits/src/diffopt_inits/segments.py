"""Directions between landmarks: what the kinematics are fitted to.

Directions and not positions, because the landmarks' bone lengths are those of the detector's average person and
change from frame to frame; the body keeps its own.
"""

from __future__ import annotations

import torch
from diffopt_core.skeleton import BLAZEPOSE33
from jaxtyping import Float
from torch import Tensor

_INDEX = {name: i for i, name in enumerate(BLAZEPOSE33)}
_Ends = tuple[str, ...]
_SIDED: dict[_Ends, tuple[_Ends, float]] = {
    # from, to, trust: limbs and trunk are seen well, feet and hands are small
    ("{s}_hip",): (("{s}_knee",), 1.0),
    ("{s}_knee",): (("{s}_ankle",), 1.0),
    ("{s}_shoulder",): (("{s}_elbow",), 1.0),
    ("{s}_elbow",): (("{s}_wrist",), 1.0),
    ("{s}_heel",): (("{s}_foot_index",), 0.5),
    ("{s}_wrist",): (("{s}_index", "{s}_pinky"), 0.3),
    ("{s}_pinky",): (("{s}_index",), 0.1),
}
_MIDDLE: dict[_Ends, tuple[_Ends, float]] = {
    ("right_hip",): (("left_hip",), 1.0),
    ("right_shoulder",): (("left_shoulder",), 1.0),
    ("left_hip", "right_hip"): (("left_shoulder", "right_shoulder"), 1.0),
    ("left_shoulder", "right_shoulder"): (("left_ear", "right_ear"), 0.4),
    ("right_ear",): (("left_ear",), 0.4),
    ("left_ear", "right_ear"): (("nose",), 0.4),
}


def _rows() -> tuple[list[tuple[tuple[int, ...], tuple[int, ...]]], list[float]]:
    pairs, trust = [], []
    for side in ("left", "right"):
        for start, (end, share) in _SIDED.items():
            names = tuple(tuple(_INDEX[name.format(s=side)] for name in part) for part in (start, end))
            pairs.append((names[0], names[1]))
            trust.append(share)
    for start, (end, share) in _MIDDLE.items():
        pairs.append((tuple(_INDEX[name] for name in start), tuple(_INDEX[name] for name in end)))
        trust.append(share)
    return pairs, trust


_PAIRS, _TRUST = _rows()


def segment_vectors(points: Float[Tensor, "*b 33 n"]) -> Float[Tensor, "*b S n"]:
    """Vector of each segment, in the points' unit and frame; or its map, from the maps of the points."""
    matrix = torch.zeros(len(_PAIRS), len(BLAZEPOSE33), dtype=points.dtype, device=points.device)
    for row, (start, end) in enumerate(_PAIRS):
        matrix[row, list(end)] += 1 / len(end)
        matrix[row, list(start)] -= 1 / len(start)
    return matrix @ points


def segment_weights(
    visibility: Float[Tensor, "*b 33"], vectors: Float[Tensor, "*b S 3"], rest: Float[Tensor, "S 3"]
) -> Float[Tensor, "*b S"]:
    """Trust in each segment: that of its kind, times the visibility of its least visible end, times the share of
    its length that the landmarks give it, squared: the direction of a foreshortened segment is mostly noise."""
    seen = torch.stack([visibility[..., list(start + end)].amin(-1) for start, end in _PAIRS], -1)
    share = (vectors.norm(dim=-1) / rest.norm(dim=-1)).clamp_max(1.0)
    return seen * share.square() * torch.tensor(_TRUST).to(visibility)
