"""``diffopt train lift``: train the network that lifts 2D keypoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diffopt_core.host.train.command import Asked, training_command

from .settings import LiftSettings

if TYPE_CHECKING:
    from diffopt_core.host.train.trainer import NetworkTraining

_HELP = """Train the network that lifts 2D keypoints, on motion seen through simulated cameras.

Constant rate after warm-up, so that every checkpoint is usable; --steps or --finish decay it to zero.

Example: diffopt train lift --steps 20 --data runs/drawn --out runs/lift (after diffopt sample mdm --out runs/drawn)
"""


def _begin(asked: Asked) -> NetworkTraining:
    from diffopt_core.host.train import shards

    from . import trainer

    clips = asked.clips()
    held_out = {path.stem: shards.read([path]) for path in shards.find(asked.data, validation=True)}
    if asked.checkpoint is not None:
        return trainer.LiftTraining.resume(asked.checkpoint, clips, held_out)
    begun = trainer.LiftTraining(asked.settings, clips, held_out, asked.offsets())
    if asked.start_from is not None:
        trainer.start_from(asked.start_from, begun)
    return begun


train = training_command(LiftSettings, _begin, _HELP, export_minutes=5.0, starts=True)
