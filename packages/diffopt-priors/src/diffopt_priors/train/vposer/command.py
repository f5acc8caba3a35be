"""``diffopt train vposer``: train the pose prior on motion shards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from diffopt_priors.train.vposer.settings import VPoserSettings


def train(
    data: Annotated[Path, typer.Option(help="Folder of motion shards (*.npz), read recursively.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint.pt, log.jsonl, curves.png and vposer.safetensors.")],
    steps: Annotated[int | None, typer.Option(help="Stop at this step; the rate decays over the last fifth.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop after this many minutes, without decay.")] = None,
    finish: Annotated[int | None, typer.Option(help="Run this many steps more, decaying the rate to zero.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from OUT/checkpoint.pt.")] = False,
    export_to: Annotated[Path | None, typer.Option("--export", help="Also export to this .safetensors file.")] = None,
    export_minutes: Annotated[float, typer.Option(help="Evaluate and export this often.")] = 2.0,
    exclude: Annotated[list[str] | None, typer.Option(help="Leave out shards whose path holds this word.")] = None,
    skeleton: Annotated[
        Path | None, typer.Option(help="skeleton.json with offsets; default DATA/skeleton.json.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed.")] = VPoserSettings.seed,
    batch: Annotated[int, typer.Option(help="Poses a step.")] = VPoserSettings.batch,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = VPoserSettings.rate,
    rotation_sigma: Annotated[
        float, typer.Option(help="Width of the rotations' likelihood, rad.")
    ] = VPoserSettings.rotation_sigma,
    position_sigma: Annotated[
        float, typer.Option(help="Width of the joint positions' likelihood, m.")
    ] = VPoserSettings.position_sigma,
) -> None:
    """Train the pose prior (a VAE of single poses, the architecture of VPoser v2)."""
    from diffopt_core.train import shards
    from diffopt_core.train.loop import Limits, run

    from diffopt_priors.train.vposer import training
    from diffopt_priors.train.vposer.poses import find, read

    words = tuple(exclude or ())
    settings = VPoserSettings(
        seed=seed,
        batch=batch,
        rate=rate,
        rotation_sigma=rotation_sigma,
        position_sigma=position_sigma,
    )
    poses = read(find(data, words), settings.balance)
    validation = shards.find(data, validation=True, exclude=words)
    held_out = {path.stem: read([path]) for path in validation}
    checkpoint = out / "checkpoint.pt"
    if resume and checkpoint.is_file():
        begun = training.resume(checkpoint, poses, held_out)
    else:
        offsets = shards.read_offsets(skeleton or data / "skeleton.json")
        begun = training.VPoserTraining(settings, poses, held_out, offsets)
    run(begun, out, Limits(steps, minutes, finish, export_minutes), export_to)
