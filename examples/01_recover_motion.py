"""Recover a motion from Python: a video or a case file in, a `Result` out.

python examples/01_recover_motion.py [VIDEO|CASE.npz] [FOLDER]
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffopt_motion import Result, recover, write_demo


def main(clip: Path, out: Path, settings: Mapping[str, Any] | None = None) -> Result:
    """Solve one clip. ``settings`` are those of ``--set``; ``out`` is where the result is written."""

    def report(stage: str, done: int, total: int, means: dict[str, float]) -> None:
        print(f"{stage} {done}/{total}", {name: round(value, 5) for name, value in means.items()})

    result = recover(clip, settings=settings, out=out, overwrite=True, report=report)
    print(result)  # joints, metres, Y up: result.joints (T, 24, 3)
    for name, value in result.metrics.get("final", {}).items():
        print(f"  {name}: {result.metrics['initial'][name]:.1f} -> {value:.1f}")
    return result


if __name__ == "__main__":
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else "runs/example_01")
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else write_demo(folder / "demo.npz"), folder)
