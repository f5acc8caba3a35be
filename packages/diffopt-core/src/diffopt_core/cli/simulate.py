"""``diffopt simulate``: cases with known truth from motion capture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..common.console import say
from ..common.output import answer
from ..common.words import counted

NAME = "simulate"
PANEL = "Evaluate"


def command(
    source: Annotated[
        Path, typer.Argument(help="Motion file, or a folder of them (AMASS .npz, motion.npz of a result).")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the cases; truth goes to its subfolder truth/.")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many cases.")] = 16,
    frames: Annotated[int, typer.Option("--frames", min=3, help="Frames per case.")] = 100,
    fps: Annotated[
        float | None, typer.Option("--fps", help="Frame rate of the source, if its files do not state it.")
    ] = None,
    static: Annotated[int, typer.Option("--static", min=0, help="How many of them have a static camera.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Seed of cuts, cameras and noise.")] = 0,
) -> int:
    """Make cases with known truth: a hand-held camera, noisy keypoints and poses, an unknown SLAM scale.

    Example: diffopt simulate runs/demo/motion.npz --out cases (after diffopt demo)
    """
    from ..parts.datasets.configs import AmassConfig
    from ..parts.datasets.simulator.folder import simulate_folder

    motion = AmassConfig(source_fps=fps) if fps else AmassConfig()
    index = simulate_folder(source, out, count, seed=seed, frames=frames, static=static, motion=motion)
    answer({"folder": out, "truth": out / "truth", "cases": index})
    say(f"wrote {counted(len(index), 'case')} to {out}, their truth to {out / 'truth'}")
    return 0
