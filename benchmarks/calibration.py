"""Is the 90 % band honest? How often the truth lies in it, and the factors that would make it lie there in 90 %.

    uv run python benchmarks/calibration.py FOLDER_OF_CASES [--recipe best] [--draws 8] [--seed 0] [--set key=value]

Every case is solved ``draws`` times in one batch (:mod:`.draws`). The error of a frame is that of the root
after one rigid alignment of the clip, and of each joint about the root. Printed: the share of frames (and of joints)
inside the bands as the recipe has them, by case and in all; and, with the band's floor as it is, the factor at which
90 % would be inside. Take factors from one set of cases and confirm them on another.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import diffopt_core  # noqa: F401  (before torch: it keeps idle threads from spinning)
import torch
from diffopt_core.host import recipe as recipes
from diffopt_core.host.registry import Registry
from diffopt_core.parts.metrics.evidence import aligned_by
from diffopt_core.results.execute import execute
from diffopt_core.results.run import Run
from diffopt_core.types import Result


def errors(result: Result) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the root (T,) and of the joints about it (T, 24), m."""
    assert result.clip.truth is not None
    true, found = result.clip.truth.joints.double(), result.joints.double()
    moved = aligned_by(true, found, true, scale=False) - found
    return moved[:, 0].norm(dim=-1), (moved - moved[:, :1]).norm(dim=-1)


def wanted(error: torch.Tensor, band: torch.Tensor, factor: float, floor: float) -> float:
    """The factor at which nine in ten errors are within ``factor * spread + floor``."""
    spread = ((band - floor) / factor).clamp_min(1e-9)
    return float(((error - floor) / spread).flatten().quantile(0.9))


def left_out(pairs: list[tuple[torch.Tensor, torch.Tensor]], factor: float, floor: float) -> float:
    """Mean share inside, % , of cases whose band has the factor that the other cases ask for."""
    shares = []
    for number, (error, band) in enumerate(pairs):
        others = [pair for k, pair in enumerate(pairs) if k != number]
        asked = wanted(
            torch.cat([e.flatten() for e, _ in others]), torch.cat([b.flatten() for _, b in others]), factor, floor
        )
        shares.append(float((error <= asked * (band - floor) / factor + floor).double().mean()))
    return 100 * sum(shares) / len(shares)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", default="best")
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--save", type=Path, help="raw errors and bands as .pt")
    asked = parser.parse_args()
    registry = Registry.load()
    table = recipes.assign(
        recipes.load(asked.recipe, registry.recipes), [f"draws.count={asked.draws}", *asked.settings]
    )
    recipe = recipes.parse(table, asked.recipe)
    cases = sorted(asked.folder.glob("*.npz"))
    with tempfile.TemporaryDirectory() as out:
        run = Run(tuple(cases), recipe, registry, Path(out), seed=asked.seed, device=asked.device, batch=64)
        results = execute(run, lambda *_: None)
    spec, rows = recipe.draws, []
    print("| case | root inside % | joints inside % | root error mm | root band mm | joint error mm | joint band mm |")
    print("|" + "---|" * 7)
    for result in results:
        if result.spread is None:
            print(f"| {result.clip.name} | no band: {result.status} |")
            continue
        root, joints = errors(result)
        band = result.spread
        rows.append((root, joints, band))
        inside = [
            100 * float((error <= radius).double().mean())
            for error, radius in zip((root, joints), (band.root, band.joints), strict=True)
        ]
        sizes = [1e3 * float(x.mean()) for x in (root, band.root, joints[:, 1:], band.joints[:, 1:])]
        print(
            f"| {result.clip.name} | {inside[0]:.0f} | {inside[1]:.0f} | "
            + " | ".join(f"{x:.0f}" for x in sizes)
            + " |"
        )
    root, joints = torch.cat([row[0] for row in rows]), torch.cat([row[1][:, 1:] for row in rows])
    bands = torch.cat([row[2].root for row in rows]), torch.cat([row[2].joints[:, 1:] for row in rows])
    made = results[0].provenance
    about = f"{made['device_type']}, torch {made['versions']['torch']}"
    print(f"\n{len(rows)} cases, {asked.draws} draws, seed {asked.seed}, {about}")
    roots = [(row[0], row[2].root.double()) for row in rows]
    limbs = [(row[1][:, 1:], row[2].joints[:, 1:].double()) for row in rows]
    for name, pairs, error, band, factor, floor in (
        ("root", roots, root, bands[0], spec.root_factor, spec.root_floor),
        ("joint", limbs, joints, bands[1], spec.joint_factor, spec.joint_floor),
    ):
        within = 100 * float((error <= band).double().mean())
        ratio = float((error / band).flatten().median())
        needed = wanted(error, band, factor, floor)
        print(f"{name}: {within:.1f} % inside, median error / band {ratio:.2f}, {name}_factor for 90 %: {needed:.3f}")
        if len(pairs) > 1:
            others = left_out(pairs, factor, floor)
            print(f"{name}: {others:.1f} % inside where each case has the factor of the others")
    if asked.save:
        torch.save([(r, j, b.root, b.joints) for r, j, b in rows], asked.save)


if __name__ == "__main__":
    main()
