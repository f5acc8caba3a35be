"""``diffopt train humor``, and a published checkpoint made one of ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from diffopt_core.host.train.command import Asked, training_command

from diffopt_priors.train.humor.settings import HuMoRSettings

if TYPE_CHECKING:
    from diffopt_core.host.train.trainer import NetworkTraining


_HELP = """Train HuMoR, the prior over transitions.

Constant rate after warm-up, so that every checkpoint is usable; --steps or --finish decay it to zero.
"""


def _begin(asked: Asked) -> NetworkTraining:
    from diffopt_core.errors import DiffOptError

    from diffopt_priors.humor.network import GROUPS
    from diffopt_priors.train.humor.trainer import HuMoRTraining, fresh

    width = asked.settings.width
    if width % (2 * GROUPS) or width < 2 * GROUPS:
        raise DiffOptError(f"--width: {width}; a multiple of {2 * GROUPS} expected (GroupNorm)")
    if asked.settings.windows < 1 or asked.settings.transitions < 1:
        raise DiffOptError("--windows and --transitions: at least 1 expected")
    clips, held_out = asked.clips(), asked.held_out()
    if asked.checkpoint is not None:
        return HuMoRTraining.resume(asked.checkpoint, clips, held_out)
    return fresh(asked.settings, clips, held_out, asked.offsets())


train = training_command(HuMoRSettings, _begin, _HELP, export_minutes=10.0)


def import_humor(
    checkpoint: Annotated[Path, typer.Option(help="Published checkpoint (best_model.pth).")],
    out: Annotated[Path, typer.Option(help="The .safetensors file to write; its .json card goes beside it.")],
) -> None:
    """Convert a published HuMoR checkpoint: half the size, no pickle, a card. A .pth also works as it is."""
    from diffopt_core.common.output import answer, say

    from diffopt_priors.cards import HUMOR_WEIGHTS
    from diffopt_priors.humor import weights

    state = weights.read_state(HUMOR_WEIGHTS.resolve(str(checkpoint)))
    weights.check(checkpoint, state)
    weights.save(out, state, weights.card_of(checkpoint) | {"name": out.stem})
    answer({"files": [out, out.with_suffix(".json")]})
    say(f"wrote {out} and {out.with_suffix('.json')}")
