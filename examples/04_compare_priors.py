"""The same clip under several priors: a loop over names, since a role takes any plugin of its kind.

python examples/04_compare_priors.py CASE.npz [PRIOR ...]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from diffopt_core.recipe import assign, load, merge, parse
from diffopt_core.registry import Registry
from diffopt_core.run import Run, execute

PLUGIN = Path(__file__).parent / "calm_prior" / "src" / "diffopt_calm.py"


def main(case: Path, priors: Sequence[str], out: Path, settings: Sequence[str] = ()) -> dict[str, float]:
    """Median speed (m/s) under each prior."""
    registry = Registry.load([str(PLUGIN)])
    speeds = {}
    for prior in priors:
        table = merge(load("paper", registry.recipes), {"prior": prior})
        recipe = parse(assign(table, settings))
        (result,) = execute(Run((case,), recipe, registry, out / prior, overwrite=True), lambda *_: None)
        steps = result.joints[:, 0, [0, 2]].diff(dim=0).norm(dim=-1)
        speeds[prior] = float(steps.median()) * result.clip.fps
        print(f"{prior:8} median speed {speeds[prior]:.2f} m/s")
    return speeds


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or ["none", "calm", "mdm"], Path("runs/example_04"))
