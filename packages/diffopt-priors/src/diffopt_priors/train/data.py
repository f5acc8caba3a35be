"""Motion shards: reading, checking, and drawing augmented windows.

A shard is an ``.npz`` with ``poses`` (N, 24, 3) axis-angle, ``trans`` (N, 3) pelvis joint in metres (Y up),
``starts`` (C+1), ``subjects`` (C), ``flat_ground`` (C) and ``fps``. Files whose name holds ``_val`` are for
validation, ``_test`` is never read, ``_nonflat`` has no flat ground.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from diffopt_core.errors import BadInput
from diffopt_core.rotation import axis_angle_to_matrix, columns_to_matrix, matrix_to_columns
from diffopt_core.skeleton import JOINTS, mirror_order
from torch import Tensor

_SHAPES = {"poses": (24, 3), "trans": (3,)}
_MIRROR = list(mirror_order(JOINTS))
#: 6D columns of S R S with S = diag(-1, 1, 1).
_MIRROR_SIGNS = (1.0, -1.0, -1.0, -1.0, 1.0, 1.0)
#: Longest stretch of time by the speed augmentation.
SPEED = 0.1


@dataclass(frozen=True)
class Clips:
    """All frames in two arrays, clips as ranges of them."""

    d6: Tensor  # [N 24 6] columns
    trans: Tensor  # [N 3] m
    start: Tensor  # [C]
    length: Tensor  # [C] frames
    weight: Tensor  # [C] sampling weight
    fps: float
    files: tuple[str, ...]


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            data = {key: file[key] for key in file.files}
    except (OSError, ValueError, BadZipFile) as error:
        raise BadInput(path, "file", f"not a readable .npz motion shard ({error})") from error
    for key in ("poses", "trans", "starts", "fps"):
        if key not in data:
            raise BadInput(path, key, "missing")
    frames = len(data["poses"])
    for key, shape in _SHAPES.items():
        if data[key].shape != (frames, *shape):
            raise BadInput(path, key, f"has shape {data[key].shape}, expected {(frames, *shape)}")
        if not np.isfinite(data[key]).all():
            raise BadInput(path, key, "holds NaN or infinity")
    starts = data["starts"]
    if starts.ndim != 1 or len(starts) < 2 or starts[0] != 0 or starts[-1] != frames or (np.diff(starts) < 1).any():
        raise BadInput(path, "starts", f"must rise from 0 to {frames}, the number of frames")
    clips = len(starts) - 1
    data.setdefault("subjects", np.array([path.stem] * clips))
    data.setdefault("flat_ground", np.ones(clips, bool))
    for key in ("subjects", "flat_ground"):
        if data[key].shape != (clips,):
            raise BadInput(path, key, f"has shape {data[key].shape}, expected {(clips,)}")
    return data


def find(folder: Path, *, validation: bool, exclude: Iterable[str] = ()) -> list[Path]:
    """Shards below a folder; ``exclude`` drops every path (below the folder) that contains one of the words."""
    if not folder.is_dir():
        raise BadInput(folder, "--data", "no such folder")
    words = ("_test", "_nonflat", *exclude)
    paths = [
        path
        for path in sorted(folder.rglob("*.npz"))
        if ("_val" in path.stem) == validation and not any(w in str(path.relative_to(folder)) for w in words)
    ]
    if not paths and not validation:
        raise BadInput(folder, "--data", "no training shard (*.npz) found")
    return paths


def read(paths: list[Path], *, balance: float = 0.4) -> Clips:
    """Load shards. A clip's weight is frames x (frames of its subject)^-balance: no subject dominates."""
    d6, trans, start, length, subject = [], [], [], [], []
    rates: dict[float, Path] = {}
    offset = 0
    for path in paths:
        data = _read(path)
        rates.setdefault(float(data["fps"]), path)
        if len(rates) > 1:
            named = ", ".join(f"{f:g} in {p.name}" for f, p in rates.items())
            raise BadInput(path, "fps", f"shards must share one frame rate; found {named}")
        pose = torch.from_numpy(data["poses"].astype(np.float32))
        d6.append(matrix_to_columns(axis_angle_to_matrix(pose)))
        trans.append(torch.from_numpy(data["trans"].astype(np.float32)))
        begin, size = data["starts"][:-1], np.diff(data["starts"])
        keep = data["flat_ground"].astype(bool)
        start += list(begin[keep] + offset)
        length += list(size[keep])
        subject += [str(s) for s in data["subjects"][keep]]
        offset += len(pose)
    frames: dict[str, int] = {}
    for name, size in zip(subject, length, strict=True):
        frames[name] = frames.get(name, 0) + int(size)
    weight = [size * frames[name] ** -balance for name, size in zip(subject, length, strict=True)]
    return Clips(
        torch.cat(d6),
        torch.cat(trans),
        torch.tensor(np.array(start)),
        torch.tensor(np.array(length)),
        torch.tensor(np.array(weight)),
        next(iter(rates)),
        tuple(path.name for path in paths),
    )


def mirror(d6: Tensor, trans: Tensor) -> tuple[Tensor, Tensor]:
    """Left-right mirrored motion: x negated, partners swapped."""
    return d6[..., _MIRROR, :] * d6.new_tensor(_MIRROR_SIGNS), trans * trans.new_tensor([-1.0, 1.0, 1.0])


def reach_of(frames: int) -> int:
    """Frames that a clip must have for a window of ``frames`` at the highest speed."""
    return int((frames - 1) * (1 + SPEED)) + 2


def draw(clips: Clips, batch: int, frames: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Augmented windows: pose ``[batch frames 24 3 3]`` and root ``[batch frames 3]`` (m).

    Mirrored with probability one half, played at 1 - SPEED to 1 + SPEED of the speed.
    """
    reach = reach_of(frames)
    weight = clips.weight * (clips.length >= reach)
    chosen = torch.multinomial(weight, batch, replacement=True, generator=generator)
    room = (clips.length[chosen] - reach + 1).double()
    first = clips.start[chosen] + (torch.rand(batch, generator=generator).double() * room).long()
    rate = 1 + SPEED * (2 * torch.rand(batch, 1, generator=generator) - 1)
    position = torch.arange(frames) * rate
    below = position.long()
    part = (position - below).unsqueeze(-1)
    index = first.unsqueeze(1) + below
    d6 = torch.lerp(clips.d6[index], clips.d6[index + 1], part.unsqueeze(-1))
    trans = torch.lerp(clips.trans[index], clips.trans[index + 1], part)
    flip = torch.rand(batch, generator=generator) < 0.5
    mirrored_d6, mirrored_trans = mirror(d6, trans)
    d6 = torch.where(flip[:, None, None, None], mirrored_d6, d6)
    trans = torch.where(flip[:, None, None], mirrored_trans, trans)
    return columns_to_matrix(d6), trans


def cut(clips: Clips, frames: int) -> tuple[Tensor, Tensor]:
    """All non-overlapping windows of the clips, unchanged (for validation)."""
    index = [
        int(s) + k * frames + torch.arange(frames)
        for s, n in zip(clips.start, clips.length, strict=True)
        for k in range(int(n) // frames)
    ]
    if not index:
        raise BadInput(", ".join(clips.files), "starts", f"no clip has {frames} frames")
    rows = torch.stack(index)
    return columns_to_matrix(clips.d6[rows]), clips.trans[rows]


def read_offsets(path: Path) -> Tensor:
    """Rest offsets ``[24 3]`` (m, child minus parent) of a ``skeleton.json``."""
    try:
        offsets = torch.tensor(json.loads(path.read_text())["offsets"], dtype=torch.float32)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(path, "offsets", f"cannot be read ({error}); give --skeleton FILE") from error
    if offsets.shape != (len(JOINTS), 3):
        raise BadInput(path, "offsets", f"has shape {tuple(offsets.shape)}, expected {(len(JOINTS), 3)}")
    return offsets
