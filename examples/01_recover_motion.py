"""Recover a motion from Python: a case file in, a `Result` out.

python examples/01_recover_motion.py [CASE.npz] [FOLDER]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from diffopt_core.datasets.case_file import write_case
from diffopt_core.demo_motion import demo_case
from diffopt_core.recipe import assign, load, parse
from diffopt_core.registry import Registry
from diffopt_core.run import Run, execute
from diffopt_core.types import Result


def main(case: Path, out: Path, settings: Sequence[str] = ()) -> Result:
    """Solve one clip. ``settings`` are those of ``--set``."""
    registry = Registry.load()
    recipe = parse(assign(load("paper", registry.recipes), settings))

    def report(stage: str, done: int, total: int, means: dict[str, float]) -> None:
        print(f"{stage} {done}/{total}", {name: round(value, 5) for name, value in means.items()})

    (result,) = execute(Run((case,), recipe, registry, out, overwrite=True), report)
    print(f"{result.clip.name}: {result.status}, joints {tuple(result.joints.shape)} in metres, Y up")
    for name, value in result.metrics.get("final", {}).items():
        print(f"  {name}: {result.metrics['initial'][name]:.1f} -> {value:.1f}")
    return result


if __name__ == "__main__":
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else "runs/example_01")
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else folder / "demo.npz"
    if len(sys.argv) < 2:
        write_case(given, *demo_case(0))
    main(given, folder)
