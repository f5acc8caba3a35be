"""``diffopt train mdm``: train the motion diffusion prior on motion shards (eq. 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diffopt_core.train.command import Asked, training_command

from diffopt_priors.train.mdm.settings import Settings

if TYPE_CHECKING:
    from diffopt_priors.train.mdm.trainer import Trainer

_HELP = """Train the motion diffusion prior.

Constant rate after warm-up, so that every checkpoint is usable; --steps or --finish decay it to zero.
"""


def _begin(asked: Asked, samples: int) -> Trainer:
    from diffopt_core.train import shards

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
