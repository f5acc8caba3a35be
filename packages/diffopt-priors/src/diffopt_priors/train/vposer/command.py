"""``diffopt train vposer``: train the pose prior on motion shards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diffopt_core.host.train.command import Asked, training_command

from diffopt_priors.train.vposer.settings import VPoserSettings

if TYPE_CHECKING:
    from diffopt_core.host.train.trainer import NetworkTraining


def _begin(asked: Asked) -> NetworkTraining:
    from diffopt_priors.train.vposer.training import VPoserTraining, find, read

    poses = read(find(asked.data, asked.exclude), asked.settings.balance)
    held_out = {path.stem: read([path]) for path in asked.held_out()}
    if asked.checkpoint is not None:
        return VPoserTraining.resume(asked.checkpoint, poses, held_out)
    return VPoserTraining(asked.settings, poses, held_out, asked.offsets())


_HELP = "Train the pose prior (a VAE of single poses, the architecture of VPoser v2)."
train = training_command(VPoserSettings, _begin, _HELP, export_minutes=2.0)
