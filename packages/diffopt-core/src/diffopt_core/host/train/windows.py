"""Windows of motion: unchanged, or augmented by mirroring, playback speed and body proportions."""

from __future__ import annotations

import torch
from torch import Tensor

from ...data.geometry import leg_length
from ...data.rotation import columns_to_matrix
from ...data.skeleton import JOINTS, mirror_order
from ...errors import BadInput
from .shards import Clips

_MIRROR = list(mirror_order(JOINTS))
#: Limb chain of the bone above each joint; left and right vary together.
_CHAINS = ("hip", "spine", "knee", "ankle", "foot", "neck", "head", "collar", "shoulder", "elbow", "wrist", "hand")
_CHAIN = [next((k for k, word in enumerate(_CHAINS) if word in name), 0) for name in JOINTS]
#: 6D columns of S R S with S = diag(-1, 1, 1).
_MIRROR_SIGNS = (1.0, -1.0, -1.0, -1.0, 1.0, 1.0)
#: Largest time stretch of the speed augmentation.
SPEED = 0.1


def mirror(d6: Tensor, trans: Tensor) -> tuple[Tensor, Tensor]:
    """Left-right mirrored motion: x negated, left and right joints swapped."""
    return d6[..., _MIRROR, :] * d6.new_tensor(_MIRROR_SIGNS), trans * trans.new_tensor([-1.0, 1.0, 1.0])


def between(d6: Tensor, trans: Tensor, position: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Pose ``[B F 24 6]`` and root ``[B F 3]`` at fractional frames ``[B F]`` of ``low`` to ``high`` - 1 ``[B]``.

    Catmull-Rom curves, because linear interpolation gives piecewise constant speeds, by which a network could detect
    resampled clips.
    """
    below = position.floor()
    s = (position - below).to(trans.dtype)
    weights = (
        -s / 2 + s**2 - s**3 / 2,
        1 - 2.5 * s**2 + 1.5 * s**3,
        s / 2 + 2 * s**2 - 1.5 * s**3,
        -(s**2) / 2 + s**3 / 2,
    )
    out_d6 = d6.new_zeros(*position.shape, *d6.shape[1:])
    out_trans = trans.new_zeros(*position.shape, 3)
    for k, weight in enumerate(weights):
        index = (below.long() + k - 1).clamp(low[:, None], high[:, None] - 1)
        out_d6 += weight[..., None, None] * d6[index]
        out_trans += weight[..., None] * trans[index]
    return out_d6, out_trans


def reach_of(frames: int) -> int:
    """Least number of frames of a clip for a window of ``frames`` at the highest playback speed."""
    return int((frames - 1) * (1 + SPEED)) + 2


def natural(batch: int, generator: torch.Generator) -> Tensor:
    """Plausible playback rates ``[batch]``: 1 for every other window, else 1 - SPEED to 1 + SPEED."""
    u, v = torch.rand(2, batch, generator=generator)
    return torch.where(u < 0.5, 1.0, 1 + SPEED * (2 * v - 1))


def choose(
    clips: Clips, batch: int, frames: int, generator: torch.Generator, rate: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw windows of ``frames`` frames played at ``rate``: clip, first frame and number of source frames ``[batch]``.
    Clips that are long enough are drawn by their weights."""
    reach = ((frames - 1) * rate.abs()).long() + 2
    longest = int(clips.length.max())
    weight = clips.weight * (clips.length >= reach.clamp(max=longest).unsqueeze(1))
    chosen = torch.multinomial(weight, 1, generator=generator).squeeze(1)
    room = (clips.length[chosen] - reach + 1).clamp(min=1).double()
    first = clips.start[chosen] + (torch.rand(batch, generator=generator).double() * room).long()
    return chosen, first, reach


def play(
    clips: Clips, chosen: Tensor, first: Tensor, frames: int, generator: torch.Generator, rate: Tensor
) -> tuple[Tensor, Tensor]:
    """Pose ``[batch frames 24 3 3]`` and root ``[batch frames 3]`` (m) of chosen windows, at ``rate`` (negative:
    backwards), mirrored with probability one half."""
    position = torch.arange(frames) * rate.abs().unsqueeze(1)
    position = torch.where(rate.unsqueeze(1) < 0, position.flip(1), position)
    low, high = clips.start[chosen], (clips.start + clips.length)[chosen]
    d6, trans = between(clips.d6, clips.trans, first.unsqueeze(1) + position.double(), low, high)
    flip = torch.rand(len(rate), generator=generator) < 0.5
    mirrored_d6, mirrored_trans = mirror(d6, trans)
    d6 = torch.where(flip[:, None, None, None], mirrored_d6, d6)
    trans = torch.where(flip[:, None, None], mirrored_trans, trans)
    return columns_to_matrix(d6), trans


def draw(
    clips: Clips, batch: int, frames: int, generator: torch.Generator, rate: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Augmented windows: pose ``[batch frames 24 3 3]`` and root ``[batch frames 3]`` (m).

    Played at ``rate`` ``[batch]`` (default: :func:`natural`). The heading is not augmented, because the features do not
    contain it.
    """
    rate = natural(batch, generator) if rate is None else rate
    chosen, first, _ = choose(clips, batch, frames, generator, rate)
    return play(clips, chosen, first, frames, generator, rate)


def cut(clips: Clips, frames: int) -> tuple[Tensor, Tensor]:
    """All non-overlapping windows of the clips, unchanged (for validation)."""
    index = [
        int(s) + k * frames + torch.arange(frames)
        for s, n in zip(clips.start, clips.length, strict=True)
        for k in range(int(n) // frames)
    ]
    if not index:
        raise BadInput(
            ", ".join(clips.files),
            "starts",
            f"no clip has {frames} frames or more; use shorter windows or longer clips",
        )
    rows = torch.stack(index)
    return columns_to_matrix(clips.d6[rows]), clips.trans[rows]


def proportions(offsets: Tensor, batch: int, amount: float, generator: torch.Generator) -> Tensor:
    """Skeletons of other proportions ``[batch 24 3]`` (m, child minus parent) from one ``[24 3]``.

    Each chain (thighs, shins, spine …) is lengthened or shortened by at most ``amount`` (0.1 is 10 %), equally on both
    sides; half of it is common to the whole body, half is the chain's own. Scale the root path with :func:`leg_ratio`,
    otherwise feet in contact slide.
    """
    whole = 2 * torch.rand(batch, 1, generator=generator) - 1
    own = 2 * torch.rand(batch, len(_CHAINS), generator=generator) - 1
    factor = 1 + amount * 0.5 * (whole + own)
    return offsets * factor[:, _CHAIN].unsqueeze(-1).to(offsets)


def leg_ratio(offsets: Tensor, reference: Tensor) -> Tensor:
    """Factor ``[batch 1 1]`` of the root path of ``reference`` for skeletons ``offsets`` ``[batch 24 3]``."""
    return (leg_length(offsets) / leg_length(reference)).view(-1, 1, 1)
