"""``diffopt train mdm``, and a published checkpoint made one of ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from diffopt_core.host.train.command import Asked, training_command

from diffopt_priors.train.mdm.settings import Settings

if TYPE_CHECKING:
    from diffopt_priors.train.mdm.trainer import Trainer


_HELP = """Train the motion diffusion prior.

Constant rate after warm-up, so that every checkpoint is usable; --steps or --finish decay it to zero.
"""


def _begin(asked: Asked, samples: int) -> Trainer:
    from diffopt_core.host.train import shards

    from diffopt_priors.train.mdm.statistics import fresh
    from diffopt_priors.train.mdm.trainer import Trainer

    clips, held_out = asked.clips(), shards.find(asked.data, validation=True)
    if asked.checkpoint is not None:
        training = Trainer.resume(asked.checkpoint, clips, held_out)
    else:
        training = fresh(asked.settings, clips, asked.offsets(), held_out, asked.start_from)
    training.samples = samples
    return training


_SAMPLES = (32, "Samples drawn at each export to measure quality.")
train = training_command(Settings, _begin, _HELP, export_minutes=15.0, starts=True, samples=_SAMPLES)


def import_mdm(
    checkpoint: Annotated[Path, typer.Option(help="Published checkpoint (model*.pt), its args.json beside it.")],
    stats: Annotated[Path, typer.Option(help="Folder with HumanML3D's Mean.npy and Std.npy.")],
    out: Annotated[Path, typer.Option(help="The .safetensors file to write; its .json card goes beside it.")],
    steps: Annotated[int | None, typer.Option(help="Diffusion steps, where no args.json says it.")] = None,
) -> None:
    """Convert a published MDM checkpoint (transformer encoder, HumanML3D)."""
    from diffopt_core.common.output import answer, say

    from diffopt_priors.mdm import official

    official.convert(checkpoint, stats, out, steps)
    answer({"files": [out, out.with_suffix(".json")]})
    say(f"wrote {out} and {out.with_suffix('.json')}")
