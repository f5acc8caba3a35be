"""Guidance across studios: settings of a recipe's prior on folders of cases, by speed, one row each.

    uv run python benchmarks/studios.py FOLDERS… --row "NAME:KEY=VALUE;KEY=VALUE" [--row …] [--recipe best]
        [--cases 12] [--seed 0] [--against ROW] [--table FILE.csv] [--json FILE]

FOLDERS are those of ``studio_cases.py``. A row is a name and recipe keys; ``none:prior.name=none`` is the solve without
a prior. Columns: means over the cases, mm (RTE in %); jitter and length of the path are over the truth's.
``--table`` appends to a CSV, so that a search grows row by row; ``--json`` keeps every case. ``--against none`` prints
each further row's difference from that one with its 95 % bootstrap interval over the cases (below 0: better).
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import tempfile
from importlib.metadata import version
from pathlib import Path

import diffopt_core  # noqa: F401  (before torch: it keeps idle threads from spinning)
import torch
from diffopt_core.data.skeleton import JOINT
from diffopt_core.host import recipe as recipes
from diffopt_core.host.registry import Registry
from diffopt_core.parts.metrics.motion import jerk
from diffopt_core.results.execute import execute
from diffopt_core.results.run import Run
from diffopt_core.types import Result
from diffopt_lab.study.stats import interval

METRICS = ("W-MPJPE100", "WA-MPJPE100", "rigid_clip", "RTE", "mpjpe_rigid", "pa_mpjpe")


def path_length(joints: torch.Tensor) -> float:
    """Of the pelvis on the ground, m."""
    return float(joints[:, JOINT["pelvis"], [0, 2]].diff(dim=0).norm(dim=-1).sum())


def judged(result: Result) -> dict[str, float]:
    """Metrics of one case."""
    assert result.clip.truth is not None and result.clip.truth.joints is not None
    true, found, fps = result.clip.truth.joints, result.joints, result.clip.fps
    final = result.metrics["final"]
    return {name: final[name] for name in METRICS} | {
        "jitter": float(jerk(found, fps).mean() / jerk(true, fps).mean()),
        "path": path_length(found) / max(path_length(true), 0.1),
    }


def solve(registry: Registry, recipe: str, settings: list[str], cases: list[Path], seed: int) -> dict[str, dict]:
    """Metrics by case."""
    parsed = recipes.parse(recipes.assign(recipes.load(recipe, registry.recipes), settings), recipe)
    with tempfile.TemporaryDirectory() as out:
        results = execute(Run(tuple(cases), parsed, registry, Path(out), seed=seed, device="cpu"), lambda *_: None)
    return {result.clip.name: judged(result) for result in results}


def row_of(values: list[dict[str, float]]) -> dict[str, float]:
    """Means, and the median of the path's ratio."""
    means = {
        name: round(statistics.mean(v[name] for v in values), 3 if name in ("jitter", "path") else 1)
        for name in values[0]
    }
    return means | {"path median": round(statistics.median(v["path"] for v in values), 3)}


def difference(values: list[dict[str, float]], base: list[dict[str, float]]) -> str:
    """Mean difference of each metric and its 95 % interval over resampled cases."""
    told = []
    for name in (*METRICS, "jitter"):
        gaps = [v[name] - b[name] for v, b in zip(values, base, strict=True)]
        low, high = interval(gaps)
        told.append(f"{name} {statistics.mean(gaps):+.2f} [{low:+.2f}, {high:+.2f}]")
    return " | ".join(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--row", action="append", required=True, dest="rows")
    parser.add_argument("--recipe", default="best")
    parser.add_argument("--cases", type=int, default=1000, help="the first so many of each folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--against", help="name of an earlier row, or of one in --json")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    registry = Registry.load([])
    known = json.loads(args.json.read_text()) if args.json and args.json.is_file() else {}
    for row in args.rows:
        name, _, keys = row.partition(":")
        settings = [s for s in keys.split(";") if s]
        kept: dict[str, dict] = {}
        for folder in args.folders:
            cases = sorted(folder.glob("case_*.npz"))[: args.cases]
            found = solve(registry, args.recipe, settings, cases, args.seed)
            kept[folder.name] = found
            line = {
                "recipe": args.recipe, "row": name, "settings": " ".join(settings), "set": folder.name,
                "cases": len(found), **row_of(list(found.values())), "seed": args.seed,
                "diffopt": version("diffopt-core"), "torch": torch.__version__,
            }  # fmt: skip
            print(" | ".join(str(v) for v in line.values()), flush=True)
            if args.table:
                new = not args.table.is_file()
                with args.table.open("a", newline="") as file:
                    writer = csv.DictWriter(file, list(line))
                    if new:
                        writer.writeheader()
                    writer.writerow(line)
        known[f"{args.recipe}/{name}"] = kept
        if args.json:
            args.json.write_text(json.dumps(known, indent=1))
        for folder, base in known.get(f"{args.recipe}/{args.against}", {}).items():
            if folder in kept and args.against != name:
                both = sorted(kept[folder].keys() & base.keys())
                against = difference([kept[folder][case] for case in both], [base[case] for case in both])
                print(f"{name} - {args.against} | {folder} | {against}", flush=True)


if __name__ == "__main__":
    main()
