"""``diffopt train lift``: train the network that lifts 2D keypoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .settings import LiftSettings


def train(
    data: Annotated[Path, typer.Option(help="Folder of motion shards (*.npz), read recursively.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint.pt, log.jsonl, curves.png and lift.safetensors.")],
    steps: Annotated[int | None, typer.Option(help="Stop at this step; the rate decays over the last fifth.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop after this many minutes, without decay.")] = None,
    finish: Annotated[int | None, typer.Option(help="Run this many steps more, decaying the rate to zero.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from OUT/checkpoint.pt.")] = False,
    start: Annotated[
        Path | None, typer.Option("--from", help="Start from the network of this .safetensors file.")
    ] = None,
    export_to: Annotated[Path | None, typer.Option("--export", help="Also export to this .safetensors file.")] = None,
    export_minutes: Annotated[float, typer.Option(help="Evaluate and export this often.")] = 5.0,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Do not train on shards whose path holds this word.")
    ] = None,
    skeleton: Annotated[
        Path | None, typer.Option(help="skeleton.json with offsets; default DATA/skeleton.json.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed.")] = LiftSettings.seed,
    width: Annotated[int, typer.Option(help="Width of the transformer.")] = LiftSettings.width,
    layers: Annotated[int, typer.Option(help="Layers.")] = LiftSettings.layers,
    frames: Annotated[int, typer.Option(help="Frames a window.")] = LiftSettings.frames,
    batch: Annotated[int, typer.Option(help="Windows a step.")] = LiftSettings.batch,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = LiftSettings.rate,
) -> None:
    """Train the network that lifts 2D keypoints, on motion seen through simulated cameras.

    Constant rate after warm-up, so that every checkpoint is usable; --steps or --finish decay it to zero.
    """
    from diffopt_core.train import shards
    from diffopt_core.train.loop import Limits, run

    from . import trainer

    clips = shards.read(shards.find(data, validation=False, exclude=exclude or ()))
    held_out = {path.stem: shards.read([path]) for path in shards.find(data, validation=True)}
    checkpoint = out / "checkpoint.pt"
    if resume and checkpoint.is_file():
        begun = trainer.resume(checkpoint, clips, held_out)
    else:
        offsets = shards.read_offsets(skeleton or data / "skeleton.json")
        settings = LiftSettings(
            seed=seed, width=width, layers=layers, frames=frames, batch=batch, rate=rate,
        )  # fmt: skip
        begun = trainer.LiftTraining(settings, clips, held_out, offsets)
        if start is not None:
            trainer.start_from(start, begun)
    run(begun, out, Limits(steps, minutes, finish, export_minutes), export_to)
