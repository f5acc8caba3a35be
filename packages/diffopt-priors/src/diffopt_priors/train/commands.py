"""``diffopt train mdm``, ``vposer`` and ``humor``, and published checkpoints made ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from diffopt_core.host.train.command import Asked, training_command

from diffopt_priors.train.settings import HuMoRSettings, MDMSettings, VPoserSettings

if TYPE_CHECKING:
    from diffopt_core.host.train.trainer import NetworkTraining

    from diffopt_priors.train.mdm.trainer import Trainer

_USABLE = """

Constant rate after warm-up, so that every checkpoint is usable; --steps or --finish decay it to zero.
"""
_EXAMPLE = """
Example: diffopt train {0} --data runs/drawn --out runs/{1} (after diffopt sample mdm --out runs/drawn)
"""


_MDM = "Train the motion diffusion prior." + _USABLE + _EXAMPLE.format("mdm --steps 20 --window 64 --samples 2", "mdm")


def _begin_mdm(asked: Asked, samples: int) -> Trainer:
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
train_mdm = training_command(
    MDMSettings, _begin_mdm, _MDM, export_minutes=15.0, starts=True, devices=True, samples=_SAMPLES
)


def import_mdm(
    checkpoint: Annotated[Path, typer.Option(help="Published checkpoint (model*.pt), its args.json beside it.")],
    stats: Annotated[Path, typer.Option(help="Folder with HumanML3D's Mean.npy and Std.npy.")],
    out: Annotated[Path, typer.Option(help="The .safetensors file to write; its .json card goes beside it.")],
    steps: Annotated[int | None, typer.Option(help="Diffusion steps, where no args.json says it.")] = None,
) -> None:
    """Convert a published MDM checkpoint (transformer encoder, HumanML3D).

    Example: diffopt train import-mdm --checkpoint model000475000.pt --stats HumanML3D --out mdm.safetensors
    """
    from diffopt_priors.mdm import official

    official.convert(checkpoint, stats, out, steps)
    _told(out)


_HUMOR = "Train HuMoR, the prior over transitions." + _USABLE + _EXAMPLE.format("humor --steps 20", "humor")


def _begin_humor(asked: Asked) -> NetworkTraining:
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


train_humor = training_command(HuMoRSettings, _begin_humor, _HUMOR, export_minutes=10.0)


def import_humor(
    checkpoint: Annotated[Path, typer.Option(help="Published checkpoint (best_model.pth).")],
    out: Annotated[Path, typer.Option(help="The .safetensors file to write; its .json card goes beside it.")],
) -> None:
    """Convert a published HuMoR checkpoint: half the size, no pickle, a card. A .pth also works as it is.

    Example: diffopt train import-humor --checkpoint best_model.pth --out humor.safetensors
    """
    from diffopt_priors.cards import HUMOR_WEIGHTS
    from diffopt_priors.humor import weights

    state = weights.read_state(HUMOR_WEIGHTS.resolve(str(checkpoint)))
    weights.check(checkpoint, state)
    weights.save(out, state, weights.card_of(checkpoint) | {"name": out.stem})
    _told(out)


def _begin_vposer(asked: Asked) -> NetworkTraining:
    from diffopt_priors.train.vposer import VPoserTraining, find, read

    poses = read(find(asked.data, asked.exclude), asked.settings.balance)
    held_out = {path.stem: read([path]) for path in asked.held_out()}
    if asked.checkpoint is not None:
        return VPoserTraining.resume(asked.checkpoint, poses, held_out)
    return VPoserTraining(asked.settings, poses, held_out, asked.offsets())


_VPOSER = "Train the pose prior (a VAE of single poses, the architecture of VPoser v2).\n" + _EXAMPLE.format(
    "vposer --steps 20", "vposer"
)
train_vposer = training_command(VPoserSettings, _begin_vposer, _VPOSER, export_minutes=2.0)


def _told(out: Path) -> None:
    from diffopt_core.common.output import answer, say

    answer({"files": [out, out.with_suffix(".json")]})
    say(f"wrote {out} and {out.with_suffix('.json')}")
