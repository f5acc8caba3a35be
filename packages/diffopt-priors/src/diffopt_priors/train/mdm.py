"""``diffopt train mdm``: train the motion diffusion prior on motion shards (eq. 2)."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from diffopt_priors.train.settings import Settings


def train(
    data: Annotated[Path, typer.Option(help="Folder of motion shards (*.npz), read recursively.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint.pt, log.jsonl and mdm.safetensors.")],
    steps: Annotated[int | None, typer.Option(help="Stop at this step; the rate decays over the last fifth.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop after this many minutes, without decay.")] = None,
    finish: Annotated[int | None, typer.Option(help="Run this many steps more, decaying the rate to zero.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from OUT/checkpoint.pt.")] = False,
    export_to: Annotated[Path | None, typer.Option("--export", help="Also export to this .safetensors file.")] = None,
    export_minutes: Annotated[float, typer.Option(help="Evaluate and export this often.")] = 15.0,
    exclude: Annotated[list[str] | None, typer.Option(help="Leave out shards whose path holds this word.")] = None,
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
    import torch

    from diffopt_priors.train import data as shards
    from diffopt_priors.train.progress import progress
    from diffopt_priors.train.publish import evaluate, export, validation_features
    from diffopt_priors.train.trainer import Trainer, fresh

    words = tuple(exclude or ())
    clips = shards.read(shards.find(data, validation=False, exclude=words))
    validation = shards.find(data, validation=True, exclude=words)
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "checkpoint.pt"
    if resume and checkpoint.is_file():
        trainer = Trainer.resume(checkpoint, clips)
    else:
        offsets = shards.read_offsets(skeleton or data / "skeleton.json")
        settings = Settings(
            seed=seed, width=width, layers=layers, feedforward=feedforward, window=window, shortest=shortest,
            batch=batch, rate=rate,
        )  # fmt: skip
        trainer = fresh(settings, clips, offsets)
    held_out = validation_features(validation, trainer)
    last, decay_from = steps, None if steps is None else int(steps * 0.8)
    if finish is not None:
        decay_from, last = trainer.step_index, trainer.step_index + finish
        # The decayed state is a dead end: leave the constant-rate checkpoint for whoever trains on.
        checkpoint = out / "finished.pt"

    def publish() -> None:
        trainer.save(checkpoint)
        report = evaluate(trainer, held_out, samples)
        log.write(json.dumps({"step": trainer.step_index, "report": report}) + "\n")
        log.flush()
        for path in (out / "mdm.safetensors", *([export_to] if export_to else [])):
            export(trainer, path, report, validation)

    began = exported = time.monotonic()
    with (out / "log.jsonl").open("a") as log, progress(last) as show:
        window_losses: list[dict[str, torch.Tensor]] = []
        while last is None or trainer.step_index < last:
            window_losses.append(trainer.step(trainer.rate(decay_from, last)))
            if trainer.step_index % 50 == 0:
                mean = {k: float(torch.stack([p[k] for p in window_losses]).mean()) for k in window_losses[0]}
                window_losses.clear()
                seconds = time.monotonic() - began
                log.write(json.dumps({"step": trainer.step_index, "seconds": round(seconds, 1), **mean}) + "\n")
                log.flush()
                show(trainer.step_index, mean["loss"])
            now = time.monotonic()
            if now - exported > export_minutes * 60:
                publish()
                exported = time.monotonic()
            if minutes is not None and now - began > minutes * 60:
                break
        publish()


def _alone() -> None:
    """``python -m diffopt_priors.train.mdm``, with the host's manners."""
    from diffopt_core.errors import DiffOptError

    try:
        typer.run(train)
    except DiffOptError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(error.exit_status) from None


if __name__ == "__main__":
    _alone()
