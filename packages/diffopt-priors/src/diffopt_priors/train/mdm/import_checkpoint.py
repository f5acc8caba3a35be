"""``diffopt train import-mdm``: make a published MDM checkpoint usable as ``--set prior.weights=FILE``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def import_mdm(
    checkpoint: Annotated[Path, typer.Option(help="Published checkpoint (model*.pt), its args.json beside it.")],
    stats: Annotated[Path, typer.Option(help="Folder with HumanML3D's Mean.npy and Std.npy.")],
    out: Annotated[Path, typer.Option(help="The .safetensors file to write; its .json card goes beside it.")],
    steps: Annotated[int | None, typer.Option(help="Diffusion steps, where no args.json says it.")] = None,
) -> None:
    """Convert a published MDM checkpoint (transformer encoder, HumanML3D)."""
    from diffopt_core.voice import answer, say

    from diffopt_priors.mdm import official

    official.convert(checkpoint, stats, out, steps)
    answer({"files": [out, out.with_suffix(".json")]})
    say(f"wrote {out} and {out.with_suffix('.json')}")
