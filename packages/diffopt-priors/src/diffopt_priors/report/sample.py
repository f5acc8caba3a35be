"""``diffopt sample mdm``: motions drawn from the prior, as a motion shard and a contact sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def sample_mdm(
    out: Annotated[Path, typer.Option(help="Folder for samples.npz, skeleton.json, samples.json and samples.png.")],
    count: Annotated[int, typer.Option(min=1, help="Motions to draw.")] = 16,
    frames: Annotated[
        int | None, typer.Option(min=8, help="Frames a motion; default: the window of the training.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    steps: Annotated[int, typer.Option(min=2, help="Noise levels on the way down (DDIM).")] = 50,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="weights=NAME|FILE", help="Weights to sample from.")
    ] = None,
    plugins: Annotated[
        list[str] | None, typer.Option("--plugin", "-p", metavar="FILE.py|MODULE|no:NAME", help="Load or block one.")
    ] = None,
) -> int:
    """Draw motions from the motion diffusion prior.

    samples.npz is a motion shard: `diffopt simulate OUT/samples.npz#0 ...` and `diffopt prior-report` read it.
    """
    from diffopt_core.errors import DiffOptError
    from diffopt_core.voice import answer, say

    from diffopt_priors.report.options import options_of, registry_of

    registry = registry_of(plugins, "mdm")
    options = options_of(registry, "mdm", settings)
    if other := sorted(options.keys() - {"weights"}):
        raise DiffOptError(f"--set {other[0]}: sampling reads `weights` only; the rest belongs to distillation")

    from diffopt_priors.mdm.config import MDMConfig
    from diffopt_priors.report.draw import draw_samples

    written = draw_samples(MDMConfig(**options).weights, out, count, frames, seed, steps)
    answer({"folder": out, "files": [path.name for path in written]})
    say("wrote " + ", ".join(str(path) for path in written))
    return 0
