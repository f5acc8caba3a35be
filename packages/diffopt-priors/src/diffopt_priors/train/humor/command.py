"""``diffopt train humor``: train the transition prior on motion shards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from diffopt_priors.train.humor.settings import HuMoRSettings


def train(
    data: Annotated[Path, typer.Option(help="Folder of motion shards (*.npz), read recursively.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint.pt, log.jsonl, curves.png, humor.safetensors.")],
    steps: Annotated[int | None, typer.Option(help="Stop at this step; the rate decays over the last fifth.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop after this many minutes, without decay.")] = None,
    finish: Annotated[int | None, typer.Option(help="Run this many steps more, decaying the rate to zero.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from OUT/checkpoint.pt.")] = False,
    export_to: Annotated[Path | None, typer.Option("--export", help="Also export to this .safetensors file.")] = None,
    export_minutes: Annotated[float, typer.Option(help="Save, evaluate and export this often.")] = 10.0,
    exclude: Annotated[list[str] | None, typer.Option(help="Leave out shards whose path holds this word.")] = None,
    skeleton: Annotated[
        Path | None, typer.Option(help="skeleton.json with offsets; default DATA/skeleton.json.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    width: Annotated[int, typer.Option(help="Width of the hidden layers; the published model has 1024.")] = (
        HuMoRSettings.width
    ),
    windows: Annotated[int, typer.Option(help="Windows a step.")] = HuMoRSettings.windows,
    transitions: Annotated[int, typer.Option(help="Transitions a window.")] = HuMoRSettings.transitions,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = HuMoRSettings.rate,
    kl_weight: Annotated[float, typer.Option(help="Weight of the KL term.")] = HuMoRSettings.kl_weight,
    rollout_share: Annotated[
        float, typer.Option(help="Share of the steps that see the model's own states.")
    ] = HuMoRSettings.rollout_share,
    proportions: Annotated[
        float, typer.Option(help="Half range of the lengths of legs, arms and trunk.")
    ] = HuMoRSettings.proportions,
) -> None:
    """Train HuMoR, the prior over transitions.

    Constant rate after warm-up, so that every checkpoint is usable; --steps or --finish decay it to zero.
    """
    from diffopt_core.errors import DiffOptError
    from diffopt_core.train import shards
    from diffopt_core.train.loop import Limits, run

    from diffopt_priors.humor.network import GROUPS
    from diffopt_priors.train.humor.trainer import HuMoRTraining, fresh

    if width % (2 * GROUPS) or width < 2 * GROUPS:
        raise DiffOptError(f"--width: {width}; a multiple of {2 * GROUPS} expected (GroupNorm)")
    if windows < 1 or transitions < 1:
        raise DiffOptError("--windows and --transitions: at least 1 expected")
    words = tuple(exclude or ())
    clips = shards.read(shards.find(data, validation=False, exclude=words))
    validation = shards.find(data, validation=True, exclude=words)
    checkpoint = out / "checkpoint.pt"
    if resume and checkpoint.is_file():
        training = HuMoRTraining.resume(checkpoint, clips, validation)
    else:
        settings = HuMoRSettings(
            seed=seed, width=width, windows=windows, transitions=transitions, rate=rate, kl_weight=kl_weight,
            rollout_share=rollout_share, proportions=proportions,
        )  # fmt: skip
        training = fresh(settings, clips, validation, shards.read_offsets(skeleton or data / "skeleton.json"))
    run(training, out, Limits(steps, minutes, finish, export_minutes), export_to)
