"""Cut some subjects out of every training shard, into a validation shard of their own.

    uv run python tools/hold_out.py MOCAP OUT [--subjects 13,85,118,1x]

OUT becomes a folder that ``diffopt train mdm --data OUT`` reads: the shards of MOCAP without those subjects, and
``actions_val.npz`` with their clips on flat ground. Clips with stairs, ladders and seats (``*_nonflat``) stay apart in
``actions_nonflat.npz``, which no training reads. Subjects whose number is not known (``1x``) may be the same people.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

import numpy as np

#: One entry per frame; every other array but ``starts`` and ``fps`` has one per clip.
_BY_FRAME = ("poses", "trans")


def pick(shard: dict[str, np.ndarray], clips: np.ndarray) -> dict[str, np.ndarray]:
    """The chosen clips of a shard."""
    starts = shard["starts"]
    frames = np.concatenate([np.arange(starts[c], starts[c + 1]) for c in clips]) if len(clips) else np.arange(0)
    lengths = np.diff(starts)[clips]
    picked: dict[str, Any] = {"starts": np.concatenate([[0], np.cumsum(lengths)]), "fps": shard["fps"]}
    for key, value in shard.items():
        if key not in picked:
            picked[key] = value[frames if key in _BY_FRAME else clips]
    return picked


def join(shards: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Shards one after another."""
    lengths = np.concatenate([np.diff(s["starts"]) for s in shards])
    joined = {k: np.concatenate([s[k] for s in shards]) for k in shards[0] if k not in ("starts", "fps")}
    return {**joined, "starts": np.concatenate([[0], np.cumsum(lengths)]), "fps": shards[0]["fps"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mocap", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--subjects", default="13,85,118,1x")
    args = parser.parse_args()
    subjects = args.subjects.split(",")
    held: dict[str, list[dict[str, np.ndarray]]] = {"actions_val": [], "actions_nonflat": []}
    for path in sorted(args.mocap.rglob("*.npz")):
        with np.load(path, allow_pickle=False) as file:
            shard = {key: file[key] for key in file.files}
        out = np.isin(shard["subjects"], subjects)
        target = args.out / path.relative_to(args.mocap)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not out.any():
            shutil.copyfile(path, target)
            continue
        if (~out).any():
            np.savez_compressed(target, **pick(shard, np.flatnonzero(~out)))  # type: ignore[arg-type]
        held["actions_nonflat" if "_nonflat" in path.stem else "actions_val"].append(pick(shard, np.flatnonzero(out)))
        print(f"{path.relative_to(args.mocap)}: {out.sum()} of {len(out)} clips held out")
    for name, parts in held.items():
        if parts:
            np.savez_compressed(args.out / f"{name}.npz", **join(parts))  # type: ignore[arg-type]
            print(f"{name}.npz: {sum(len(p['names']) for p in parts)} clips")
    shutil.copyfile(args.mocap / "skeleton.json", args.out / "skeleton.json")


if __name__ == "__main__":
    main()
