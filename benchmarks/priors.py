"""The ladder of priors, from none to diffusion, each through ``--prior NAME`` alone, on a folder of cases with truth.

    uv run python benchmarks/priors.py FOLDER_OF_CASES [--priors mdm,humor] [--set scale=distilled]

Prints the table of `table5.py` with a row a prior, once for the ``paper`` recipe and once with the distilled scale,
and then, case by case, which prior comes out best: where the diffusion prior does not win stands there by name.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

from diffopt_core.host.registry import Registry
from table5 import heading, line, solve_row

PRIORS = ("none", "smooth", "gmm", "vposer", "humor", "mdm")
SCALES = {"paper": [], "paper, scale=distilled": ["scale=distilled"]}
JUDGED = ("W-MPJPE100", "WA-MPJPE100")


def winners(rows: dict[str, dict[str, dict[str, float]]], metric: str) -> None:
    """Which prior is best on each case, with its margin to the runner-up."""
    won: dict[str, list[str]] = {prior: [] for prior in rows}
    for case in next(iter(rows.values())):
        ordered = sorted(rows, key=lambda prior: rows[prior][case][metric])
        best, second = (rows[prior][case][metric] for prior in ordered[:2])
        won[ordered[0]].append(f"{case} ({best:.0f} against {second:.0f} of {ordered[1]})")
    print(f"\nBest in {metric}:\n")
    for prior, cases in won.items():
        print(f"- {prior}: {len(cases)}. {', '.join(cases)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--priors", default=",".join(PRIORS))
    parser.add_argument("--recipe", default="paper")
    parser.add_argument("--set", action="append", default=[], dest="settings", help="in place of both scale settings")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--plugin", "-p", action="append", default=[])
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    registry = Registry.load(args.plugin)
    cases = sorted(args.folder.glob("*.npz"))
    saved: dict[str, dict] = {}
    settings = {f"{args.recipe}, {', '.join(args.settings)}": args.settings} if args.settings else SCALES
    for title, changes in settings.items():
        rows: dict[str, dict[str, dict[str, float]]] = {}
        for number, prior in enumerate(args.priors.split(",")):
            chosen = [f'prior="{prior}"', *changes]
            results, seconds = solve_row(registry, args.recipe, chosen, cases, args.seed, args.device)
            initial = [result.metrics["initial"] for result in results]
            final = [result.metrics["final"] for result in results]
            if number == 0:
                print()
                heading(args.folder, results, args.seed, title)
            first = next(iter(final[0]))
            worse = sum(after[first] > before[first] for before, after in zip(initial, final, strict=True))
            bad = sum(result.status != "finished" for result in results)
            print(line(prior, final, f"{seconds:.0f} s, {worse} worse, {bad} diverged"), flush=True)
            rows[prior] = {result.clip.name: result.metrics["final"] for result in results}
        for metric in JUDGED:
            winners(rows, metric)
            if "mdm" in rows:
                mdm = statistics.mean(row[metric] for row in rows["mdm"].values())
                ratios = {p: statistics.mean(r[metric] for r in rows[p].values()) / mdm for p in rows if p != "mdm"}
                print("\nRatio to mdm: " + ", ".join(f"{p} {value:.2f}" for p, value in ratios.items()))
        saved[title] = rows
    if args.json:
        args.json.write_text(json.dumps(saved, indent=1))


if __name__ == "__main__":
    main()
