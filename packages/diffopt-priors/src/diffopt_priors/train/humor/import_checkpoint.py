"""``diffopt train import-humor``: a published HuMoR checkpoint as a small weight file with a card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def import_humor(
    checkpoint: Annotated[Path, typer.Option(help="Published checkpoint (best_model.pth).")],
    out: Annotated[Path, typer.Option(help="The .safetensors file to write; its .json card goes beside it.")],
) -> None:
    """Convert a published HuMoR checkpoint: half the size, no pickle, a card. A .pth also works as it is."""
    from diffopt_core.voice import answer, say

    from diffopt_priors.humor import official, weights

    state = official.read_state(weights.resolve(str(checkpoint)))
    weights.check(checkpoint, state)
    weights.save(out, state, official.card(checkpoint) | {"name": out.stem})
    answer({"files": [out, out.with_suffix(".json")]})
    say(f"wrote {out} and {out.with_suffix('.json')}")
