"""``diffopt train mdm``: train the motion diffusion prior on motion shards (eq. 2)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from diffopt_priors.train.mdm.settings import Settings


def train(
    data: Annotated[Path, typer.Option(help="Folder of motion shards (*.npz), read recursively.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint.pt, log.jsonl and mdm.safetensors.")],
    steps: Annotated[int | None, typer.Option(help="Stop at this step; the rate decays over the last fifth.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop after this many minutes, without decay.")] = None,
    finish: Annotated[int | None, typer.Option(help="Run this many steps more, decaying the rate to zero.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from OUT/checkpoint.pt.")] = False,
    start_from: Annotated[
        Path | None, typer.Option("--from", help="Start from the network of this .safetensors file.")
    ] = None,
    export_to: Annotated[Path | None, typer.Option("--export", help="Also export to this .safetensors file.")] = None,
    export_minutes: Annotated[float, typer.Option(help="Evaluate and export this often.")] = 15.0,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Do not train on shards whose path holds this word.")
    ] = None,
    skeleton: Annotated[
        Path | None, typer.Option(help="skeleton.json with offsets; default DATA/skeleton.json.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    width: Annotated[int, typer.Option(help="Width of the transformer.")] = Settings.width,
    layers: Annotated[int, typer.Option(help="Layers.")] = Settings.layers,
    feedforward: Annotated[int, typer.Option(help="Width of the feed-forward layers.")] = Settings.feedforward,
    window: Annotated[int, typer.Option(help="Longest window, frames.")] = Settings.window,
    shortest: Annotated[int, typer.Option(help="Shortest window, frames.")] = Settings.shortest,
    batch: Annotated[int, typer.Option(help="Windows a step.")] = Settings.batch,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = Settings.rate,
    samples: Annotated[int, typer.Option(help="Samples drawn at each export to measure quality.")] = 32,
) -> None:
    """Train the motion diffusion prior.

    Constant rate after warm-up, so that every checkpoint is usable; --steps or --finish decay it to zero.
    """
    from diffopt_core.train import shards
    from diffopt_core.train.loop import Limits, run

    from diffopt_priors.train.mdm.statistics import fresh
    from diffopt_priors.train.mdm.trainer import Trainer

    words = tuple(exclude or ())
    clips = shards.read(shards.find(data, validation=False, exclude=words))
    held_out = shards.find(data, validation=True)
    checkpoint = out / "checkpoint.pt"
    if resume and checkpoint.is_file():
        training = Trainer.resume(checkpoint, clips, held_out)
    else:
        offsets = shards.read_offsets(skeleton or data / "skeleton.json")
        settings = Settings(
            seed=seed, width=width, layers=layers, feedforward=feedforward, window=window, shortest=shortest,
            batch=batch, rate=rate,
        )  # fmt: skip
        training = fresh(settings, clips, offsets, held_out, start_from)
    training.samples = samples
    run(training, out, Limits(steps, minutes, finish, export_minutes), export_to)
