"""Every row of the paper's Table 5 that needs no licensed weights, on a folder of cases with truth.

    uv run python benchmarks/table5.py FOLDER_OF_CASES [--rows paper,table5/learnable-params] [--set key=value]

Prints one Markdown table: mean (median) over the cases of each named protocol, the initial placement first,
and how many cases got worse than their initial placement by the first protocol.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from diffopt_core.host import recipe as recipes
from diffopt_core.host.registry import Registry
from diffopt_core.results.execute import execute
from diffopt_core.results.run import Run

ROWS = (
    "paper",
    "table5/learnable-params",
    "table5/single-stage",
    "table5/no-warmup",
    "table5/no-mdm-step",
    "table5/no-finetuning",
    "table5/vposer",
)


def solve_row(registry: Registry, name: str, settings: list[str], cases: list[Path], seed: int, device: str):
    """Metrics of every case before and after, seconds, and the statuses."""
    recipe = recipes.parse(recipes.assign(recipes.load(name, registry.recipes), settings), name)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as out:
        run = Run(tuple(cases), recipe, registry, Path(out), seed=seed, device=device)
        results = execute(run, lambda *_: None)
    return results, time.perf_counter() - began


def line(label: str, rows: list[dict[str, float]], note: str) -> str:
    cells = []
    for metric in rows[0]:
        values = [row[metric] for row in rows]
        cells.append(f"{statistics.mean(values):.1f} ({statistics.median(values):.1f})")
    return f"| {label} | " + " | ".join(cells) + f" | {note} |"


def heading(folder: Path, results: list, seed: int, title: str = "") -> None:
    """What was run on what, the table's head, and the row of the initial placement."""
    made, initial = results[0].provenance, [result.metrics["initial"] for result in results]
    print(
        f"{len(results)} cases of {folder.name}, {f'{title}, ' if title else ''}seed {seed}, {made['device_type']}, "
        f"torch {made['versions']['torch']}; mean (median)\n"
    )
    print("| | " + " | ".join(initial[0]) + " | note |\n|" + "---|" * (len(initial[0]) + 2))
    print(line("initial placement", initial, ""))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--plugin", "-p", action="append", default=[])
    parser.add_argument("--cases", action="store_true", help="print every case too")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    registry = Registry.load(args.plugin)
    cases = sorted(args.folder.glob("*.npz"))
    saved: dict[str, dict] = {}
    for number, name in enumerate(args.rows.split(",")):
        results, seconds = solve_row(registry, name, args.settings, cases, args.seed, args.device)
        initial = [result.metrics["initial"] for result in results]
        final = [result.metrics["final"] for result in results]
        if number == 0:
            heading(args.folder, results, args.seed)
        first = next(iter(final[0]))
        worse = sum(after[first] > before[first] for before, after in zip(initial, final, strict=True))
        statuses = sum(result.status != "finished" for result in results)
        print(line(name, final, f"{seconds:.0f} s, {worse} worse, {statuses} diverged"), flush=True)
        if args.cases:
            for result in results:
                after, before = result.metrics["final"], result.metrics["initial"]
                cells = (f"{before[m]:.0f}>{after[m]:.0f}" for m in after)
                print(f"| {result.clip.name} | " + " | ".join(cells) + f" | {result.provenance['scale']} |")
        saved[name] = {result.clip.name: result.metrics for result in results}
    if args.json:
        args.json.write_text(json.dumps(saved, indent=1))


if __name__ == "__main__":
    main()
