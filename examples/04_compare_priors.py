"""The same clip under several priors: a loop over names, as a role accepts any plugin of its kind.

python examples/04_compare_priors.py [CASE.npz [PRIOR ...]]     # default: the case of `diffopt demo`
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diffopt_motion import recover

PLUGIN = Path(__file__).parent / "calm_prior" / "src" / "diffopt_calm.py"


def main(case: Path, priors: Sequence[str], settings: Mapping[str, Any] | None = None) -> dict[str, float]:
    """Median speed (m/s) under each prior, by the paper's method. Without ``out`` nothing is written."""
    speeds = {}
    for prior in priors:
        result = recover(case, "paper", settings=settings, plugins=[PLUGIN], prior=prior)
        steps = result.joints[:, 0, [0, 2]].diff(dim=0).norm(dim=-1)
        speeds[prior] = float(steps.median()) * result.clip.fps
        print(f"{prior:8} median speed {speeds[prior]:.2f} m/s")
    return speeds


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/demo/demo.npz"), sys.argv[2:] or ["none", "calm", "mdm"])
