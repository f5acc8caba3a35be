"""Cases with truth from another studio than the weights were trained in: what a prior's guidance is chosen on.

    uv run python tools/hold_out.py MOCAP SHARDS
    uv run python benchmarks/studio_cases.py SHARDS OUT [--without INDEX.json] [--count 24] [--seed 0]
        [--detector heavy]

From each ``*_val.npz`` below SHARDS (``bnr_val``, ``cmu_val``, and ``actions_val`` of the first command) come two
folders, half of ``count`` each: ``OUT/NAME-slow`` (below 1.3 m/s, 100 frames) and ``OUT/NAME-fast`` (above, 60 frames);
a shard with jumps and no fast clip gives ``NAME-jump`` (60 frames) instead. Clips are taken by turns from every
action, so that no action fills a folder. ``--without`` names an index of cases (``clip``) that are reported on
elsewhere. ``--detector full|heavy``: BlazePose's 2D and 3D points, with the errors measured on real views, in place
of COCO's keypoints. ``index.json`` of each folder says clip, action, speed and seed.
"""

from __future__ import annotations

import argparse
import json
from itertools import zip_longest
from pathlib import Path

import numpy as np
from diffopt_core.parts.datasets.configs import SimulatorSettings
from diffopt_core.parts.datasets.simulator.folder import simulate_folder

#: Horizontal speed of the root (m/s) above which a clip is fast.
FAST = 1.3
_FRAMES = {"slow": 100, "fast": 60, "jump": 60}


def clips_of(path: Path, without: set[str]) -> list[dict]:
    """Name, action, bin and frames of each clip on flat ground."""
    with np.load(path, allow_pickle=False) as shard:
        data = {key: shard[key] for key in ("names", "descriptions", "starts", "trans", "fps", "flat_ground")}
    found = []
    for k, name in enumerate(data["names"]):
        first, last = data["starts"][k : k + 2]
        if str(name) in without or not data["flat_ground"][k]:
            continue
        steps = np.linalg.norm(np.diff(data["trans"][first:last][:, [0, 2]], axis=0), axis=1)
        action = str(data["descriptions"][k]).split(",")[0]
        kind = "jump" if "jump" in action and "jack" not in action else "slow"
        kind = "fast" if steps.mean() * float(data["fps"]) >= FAST else kind
        found.append({"clip": str(name), "action": action, "bin": kind, "frames": int(last - first)})
    return found


def by_turns(clips: list[dict], count: int, rng: np.random.Generator) -> list[dict]:
    """So many clips, one of each action after another; again from the start where there are too few."""
    groups: dict[str, list[dict]] = {}
    for place in rng.permutation(len(clips)):
        groups.setdefault(clips[place]["action"], []).append(clips[place])
    turns = [clip for turn in zip_longest(*groups.values()) for clip in turn if clip is not None]
    return [turns[k % len(turns)] for k in range(count)] if turns else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--without", type=Path)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--detector", choices=("keypoints", "full", "heavy"), default="keypoints")
    args = parser.parse_args()
    without = {row["clip"] for row in json.loads(args.without.read_text())} if args.without else set()
    for path in sorted(args.shards.rglob("*_val.npz")):
        clips = clips_of(path, without)
        rng = np.random.default_rng([args.seed, len(clips)])
        kinds = [k for k, frames in _FRAMES.items() if any(c["bin"] == k and c["frames"] >= frames for c in clips)]
        for kind in kinds:
            frames = _FRAMES[kind]
            fit = [c for c in clips if c["bin"] == kind and c["frames"] >= frames]
            chosen = by_turns(fit, args.count // len(kinds), rng)
            folder = args.out / f"{path.stem}-{kind}"
            motions = [f"{path}#{c['clip']}" for c in chosen]
            settings = SimulatorSettings(detector=args.detector)
            simulate_folder(motions, folder, len(chosen), args.seed, frames, settings=settings)
            rows = json.loads((folder / "index.json").read_text())
            for row, clip in zip(rows, chosen, strict=True):
                row |= {"clip": clip["clip"], "action": clip["action"]}
            (folder / "index.json").write_text(json.dumps(rows, indent=1) + "\n")
            print(f"{folder.name}: {len(rows)} cases, {', '.join(sorted({c['action'] for c in chosen}))}")


if __name__ == "__main__":
    main()
