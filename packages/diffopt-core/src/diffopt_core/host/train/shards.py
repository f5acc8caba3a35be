"""Motion shards: finding, checking and reading them, and the terms of use of their data.

A shard is an ``.npz`` with ``poses`` (N, 24, 3) axis-angle, ``trans`` (N, 3) pelvis joint in metres (Y up), ``starts``
(C+1), ``subjects`` (C), ``flat_ground`` (C) and ``fps``. Files whose name holds ``_val`` are for validation, those with
``_test`` are never read, those with ``_nonflat`` have no flat ground.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...common.documents import write_json
from ...common.npz import read_npz
from ...data.rotation import axis_angle_to_matrix, matrix_to_columns
from ...data.skeleton import JOINTS, PARENTS
from ...errors import BadInput

CMU = (
    "CMU Graphics Lab Motion Capture Database: free for all uses; the data itself may not be resold. "
    "The data used in this project was obtained from mocap.cs.cmu.edu. The database was created with funding "
    "from NSF EIA-0196217."
)
BNR = (
    "Bandai-Namco-Research-Motiondataset, (c) 2022 Bandai Namco Research Inc., CC BY-NC 4.0: attribution, "
    "non-commercial use only (Kobayashi et al., arXiv:2306.08861)."
)
STYLE100 = (
    "100STYLE, Ian Mason, CC BY 4.0 (Mason, Starke and Komura, Real-Time Style Modelling of Human Locomotion, "
    "doi 10.1145/3522618)."
)
_TERMS = {"cmu": CMU, "bnr": BNR, "style100": STYLE100}


def terms_of(files: Iterable[str]) -> list[str]:
    """Terms of use of a set of shards; shards with unknown terms are listed as such."""
    found: dict[str, None] = {}
    for name in files:
        terms = [text for prefix, text in _TERMS.items() if name.startswith(prefix)]
        for text in terms or [f"{name}: terms of use unknown to this program; ask the source of the data."]:
            found[text] = None
    return list(found)


_SHAPES = {"poses": (24, 3), "trans": (3,)}


@dataclass(frozen=True)
class Clips:
    """All frames in two arrays; clips are ranges of frames."""

    d6: Tensor  # [N 24 6] columns
    trans: Tensor  # [N 3] m
    start: Tensor  # [C]
    length: Tensor  # [C] frames
    weight: Tensor  # [C] sampling weight
    fps: float
    files: tuple[str, ...]


def read_shard(path: Path, keys: Sequence[str] = ("poses", "trans", "starts", "fps")) -> dict[str, np.ndarray]:
    """Read and check the arrays of one shard; ``keys`` are required. Raises BadInput naming file and key."""
    data = read_npz(path)
    for key in keys:
        if key not in data:
            raise BadInput(path, key, "missing")
    frames = len(data["poses"])
    for key, shape in ((key, _SHAPES[key]) for key in keys if key in _SHAPES):
        if data[key].shape != (frames, *shape):
            raise BadInput(path, key, f"has shape {data[key].shape}, expected {(frames, *shape)}")
        if not np.isfinite(data[key]).all():
            raise BadInput(path, key, "holds NaN or infinity")
    starts = data["starts"]
    if starts.ndim != 1 or len(starts) < 2 or starts[0] != 0 or starts[-1] != frames or (np.diff(starts) < 1).any():
        raise BadInput(path, "starts", f"expected increasing numbers from 0 to {frames}, the number of frames")
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
        raise BadInput(
            folder, "--data", "no training shard found; expected *.npz files with poses, trans, starts and fps"
        )
    return paths


def read(paths: list[Path], *, balance: float = 0.4) -> Clips:
    """Load shards. A clip's sampling weight is frames x (frames of its subject)^-balance, so that no subject
    dominates."""
    d6, trans, start, length, subject = [], [], [], [], []
    rates: dict[float, Path] = {}
    offset = 0
    for path in paths:
        data = read_shard(path)
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


def by_travel(clips: Clips, travel: float) -> Clips:
    """The clips with sampling weights times ``1 + travel * v``; v: mean horizontal speed in m/s, at most 3."""
    step = torch.zeros(len(clips.trans))
    step[1:] = (clips.trans[1:, [0, 2]] - clips.trans[:-1, [0, 2]]).norm(dim=-1)
    path = torch.cat([torch.zeros(1), step.cumsum(0)])
    first, last = clips.start, clips.start + clips.length - 1
    speed = (path[last + 1] - path[first + 1]) / (clips.length - 1).clamp_min(1) * clips.fps
    return replace(clips, weight=clips.weight * (1 + travel * speed.clamp(max=3.0)))


def packed(
    poses: Sequence[np.ndarray], trans: Sequence[np.ndarray], names: Sequence[str], subjects: Sequence[str],
    flat: Sequence[bool], fps: float,
) -> dict[str, object]:  # fmt: skip
    """The arrays of a shard that holds these clips: axis-angles ``(T, 24, 3)`` and pelvis ``(T, 3)``, m, of each."""
    return {
        "poses": np.concatenate(poses).astype(np.float32),
        "trans": np.concatenate(trans).astype(np.float32),
        "starts": np.cumsum([0, *(len(each) for each in trans)]),
        "names": np.array(names),
        "subjects": np.array(subjects),
        "flat_ground": np.array(flat, bool),
        "fps": np.array(fps),
    }


def write_offsets(path: Path, offsets: Tensor) -> None:
    """A ``skeleton.json`` of rest offsets ``[24 3]`` (m, child minus parent)."""
    table = [[round(value, 6) for value in row] for row in offsets.tolist()]
    write_json(path, {"joints": JOINTS, "parents": PARENTS, "offsets": table})


def read_offsets(path: Path) -> Tensor:
    """Rest offsets ``[24 3]`` (m, child minus parent) of a ``skeleton.json``."""
    try:
        offsets = torch.tensor(json.loads(path.read_text())["offsets"], dtype=torch.float32)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(path, "offsets", f"cannot be read ({error}); give --skeleton FILE") from error
    if offsets.shape != (len(JOINTS), 3):
        raise BadInput(path, "offsets", f"has shape {tuple(offsets.shape)}, expected {(len(JOINTS), 3)}")
    return offsets
