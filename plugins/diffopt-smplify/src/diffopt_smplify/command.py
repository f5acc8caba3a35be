"""``diffopt train gmm``: fit the Gaussian mixture pose prior."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    data: Annotated[Path, typer.Option(help="Folder of motion shards (*.npz), read recursively.")],
    out: Annotated[Path, typer.Option(help="Folder for gmm.safetensors and its .json card.")],
    components: Annotated[int, typer.Option(min=1, help="Number of Gaussians.")] = 8,
    ridge: Annotated[float, typer.Option(min=1e-6, help="Added to every variance, rad^2.")] = 0.003,
    shrink: Annotated[
        float, typer.Option(min=0, max=1, help="Shrinkage of each covariance towards that of all poses.")
    ] = 0.2,
    iterations: Annotated[int, typer.Option(min=1, help="Most EM iterations.")] = 100,
    stride: Annotated[
        int, typer.Option(min=1, help="Use every STRIDE-th frame: neighbouring frames are nearly equal.")
    ] = 3,
    exclude: Annotated[list[str] | None, typer.Option(help="Exclude shards whose path contains this word.")] = None,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    export_to: Annotated[Path | None, typer.Option("--export", help="Also export to this .safetensors file.")] = None,
) -> None:
    """Fit the Gaussian mixture of prior gmm by expectation maximisation (a minute on one core).

    Example: diffopt train gmm --data runs/drawn --out runs/gmm (after diffopt sample mdm --out runs/drawn)
    """
    from dataclasses import asdict

    from diffopt_core.common.output import answer, say
    from diffopt_core.common.progress import terminal_bar
    from diffopt_core.errors import BadInput
    from diffopt_core.host.train import shards
    from diffopt_core.host.train.shards import terms_of

    from diffopt_smplify.fit import Settings, fit, read, report
    from diffopt_smplify.mixture import load, save

    words = tuple(exclude or ())
    samples = read(shards.find(data, validation=False, exclude=words), stride)
    held_out = shards.find(data, validation=True, exclude=words)
    if len(samples.x) < components:
        raise BadInput(data, "poses", f"{len(samples.x)} samples are too few for {components} components")
    settings = Settings(components, shrink, ridge, iterations, seed=seed)
    with terminal_bar("train gmm", iterations, transient=False) as show:
        state, losses = fit(samples.x, samples.weight, settings, show)
    target = out / "gmm.safetensors"
    card = {
        "name": target.stem,
        "dimensions": samples.x.shape[1],
        "joints": "1 to 21, axis-angle, rad",
        "settings": asdict(settings) | {"stride": stride},
        "training_files": list(samples.files),
        "validation_files": [path.name for path in held_out],
        "terms": terms_of(samples.files),
        "nll": [round(loss, 3) for loss in losses],
    }
    save(target, state, card)
    mixture = load(target)
    card["report"] = {path.stem: report(mixture, read([path], stride, mirrored=False)) for path in held_out} | {
        "training": report(mixture, samples)
    }
    for path in (target, *([export_to] if export_to else [])):
        save(path, state, card | {"name": path.stem})
    answer({"files": [target, *([export_to] if export_to else [])], "nll": losses[-1], "rounds": len(losses)})
    say(f"{target}: {losses[-1]:.2f} nats per pose after {len(losses)} rounds")
