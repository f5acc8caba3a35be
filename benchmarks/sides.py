"""Left and right exchanged on purpose: how often each kind is found and undone, and what is changed by mistake.

    uv run python benchmarks/sides.py CASE... [--seeds 5] [--points all|2d|coco17|openpose25] [--without-poses]

CASE are case files (``diffopt prepare VIDEO --out CASE.npz``) that are taken to be right. In each, the points of one
kind of limb are exchanged, in the image and in 3D, from a random frame on, for each length and seed; then they are
mended as ``diffopt run`` does it. ``--points 2d`` drops the 3D points, a layout's name keeps only its points in the
image, as a detector of that layout gives them; ``--without-poses`` drops first poses of a regressor. Prints Markdown:

``undone`` bursts of which every pair is back in place that is seen and at least 0.12 m apart (points nearer than that
tell nothing, and do no harm); ``pairs left`` and ``pairs`` of frames that are still wrong, and that were exchanged;
``false`` pairs of frames that were right and are not any more; ``doubted`` bursts of which it is said that one of two
stretches is exchanged, and that nothing tells which. The last line is of the cases as they are.
"""

from __future__ import annotations

import argparse
import logging
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import diffopt_core  # noqa: F401  (before torch: it keeps idle threads from spinning)
import numpy as np
import torch
from diffopt_core.data.skeleton import LAYOUTS
from diffopt_core.host import recipe as recipes
from diffopt_core.host.registry import Registry
from diffopt_core.perception import sides
from diffopt_core.perception.perceive import open_clip
from diffopt_core.perception.steady import mended
from diffopt_core.types import Clip, Observations
from torch import Tensor

PARTS = ("face", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
KINDS = {
    "whole body": PARTS, "arms": PARTS[1:4], "legs": PARTS[4:], "forearms": PARTS[2:4], "shins": PARTS[5:],
    "wrists": PARTS[3:4], "ankles": PARTS[6:], "face": PARTS[:1],
}  # fmt: skip
#: Length of the bursts, s (0: one frame); shares of the clip, of the whole body alone.
LENGTHS, SHARES = (0.0, 0.1, 0.4, 1.0), (0.6, 0.8, 1.0)
APART = 0.12


def only(seen: Observations, points: str) -> Observations:
    """The observations of a detector that gives less."""
    if points == "all":
        return seen
    seen = replace(seen, landmarks=None, landmark_layout=None)
    if points == "2d":
        return seen
    names, mine = LAYOUTS[points], LAYOUTS[seen.layout]
    found = seen.keypoints.new_zeros(len(seen.valid), len(names), 3)
    for index, name in enumerate(names):
        other = {"left_big_toe": "left_foot_index", "right_big_toe": "right_foot_index"}.get(name, name)
        if other in mine:
            found[:, index] = seen.keypoints[:, mine.index(other)]
    return replace(seen, keypoints=found, layout=points)


def exchange(seen: Observations, parts: tuple[str, ...], rows: np.ndarray) -> Observations:
    which = {part: rows & (part in parts) for part in PARTS}
    solid = seen.landmarks
    if solid is not None:
        solid = sides.swap(solid, str(seen.landmark_layout), which)
    return replace(seen, keypoints=sides.swap(seen.keypoints, seen.layout, which), landmarks=solid)


def apart(seen: Observations) -> np.ndarray:
    """Mask ``[T P]`` of the pairs that are seen and lie apart."""
    pairs, points = sides.pairs_of(seen.layout), seen.keypoints.numpy()
    left, right = points[:, pairs.left], points[:, pairs.right]
    there = np.minimum(left[..., 2], right[..., 2]) > sides.SEEN
    metres = sides.HEIGHT / sides.extent(points)
    return there & (np.linalg.norm((left - right)[..., :2], axis=-1) * metres[:, None] > APART)


def moved(a: Observations, b: Observations) -> np.ndarray:
    """Mask ``[T P]`` of the pairs that differ."""
    pairs = sides.pairs_of(a.layout)
    return ((a.keypoints - b.keypoints)[:, pairs.left, :2].abs().amax(-1) > 1e-3).numpy()


def lengths(fps: float, frames: int, kind: str) -> dict[str, int]:
    found = {f"{s:g} s" if s else "1 frame": max(1, round(s * fps)) for s in LENGTHS}
    if kind == "whole body":
        found |= {f"{share:.0%} of the clip": round(share * frames) for share in SHARES}
    return {name: n for name, n in found.items() if n <= frames}


def measure(clip: Clip, rest: Tensor, seeds: int, table: dict[tuple[str, str], list[int]]) -> int:
    """Add one case to ``table``, in the order of its columns. Returns what is changed or doubted of the case as it
    is."""
    true = clip.observations
    assert true is not None
    clean = mended(clip, true, rest)[1]
    told, first = apart(true), moved(clean, true)
    for kind, parts in KINDS.items():
        for name, length in lengths(clip.fps, clip.num_frames, kind).items():
            for seed in range(seeds if length < clip.num_frames else 1):
                start = int(np.random.default_rng(seed).integers(0, clip.num_frames - length + 1))
                rows = np.zeros(clip.num_frames, bool)
                rows[start : start + length] = True
                wrong = exchange(true, parts, rows)
                asked = moved(wrong, true)
                found = mended(clip, wrong, rest)[1]
                left = moved(found, true) & told
                row = [1, int(not left[asked].any()), int(left[asked].sum()), int((asked & told).sum())]
                row += [int(left[~asked].sum()), int("sides_undecided" in found.facts)]
                table[kind, name] = [a + b for a, b in zip(table[kind, name], row, strict=True)]
    return int((first & told).sum()) + int("sides_undecided" in clean.facts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+", type=Path, metavar="CASE")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--points", default="all", choices=["all", "2d", *LAYOUTS])
    parser.add_argument("--without-poses", action="store_true")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    ctx = Registry.load().context()
    mean = ctx.build("body", "anny24").rest_joints(torch.zeros(1, 10))[0].float()
    table: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * 6)
    false, frames = {}, 0
    for path in args.cases:
        clip = open_clip(path, recipes.parse({}), ctx)
        if clip.observations is None:
            raise SystemExit(f"{path}: holds no keypoints")
        # the landmarks' poses are of the same points
        poses = None if args.without_poses or clip.observations.landmarks is not None else clip.body
        clip = replace(clip, observations=only(clip.observations, args.points), body=poses)
        rest = clip.rest_joints if clip.rest_joints is not None else mean
        false[path.stem] = measure(clip, rest, args.seeds, table)
        frames += clip.num_frames
    columns = ("exchanged", "for", "bursts", "undone", "pairs left", "pairs", "false", "doubted")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for (kind, name), row in table.items():
        print(f"| {kind} | {name} | {' | '.join(map(str, row))} |")
    said = ", ".join(f"{name} {count}" for name, count in false.items() if count) or "none"
    print(f"\n{len(false)} cases as they are, {frames} frames: changed or doubted: {said}")


if __name__ == "__main__":
    main()
