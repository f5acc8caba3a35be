"""``diffopt prior-report NAME``: measure a prior on held motion."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer
from diffopt_core.completion import component

_log = logging.getLogger(__name__)
NAME = "prior-report"
PANEL = "Look around"


def prior_report(
    name: Annotated[
        str,
        typer.Argument(help="A prior; `diffopt show prior` lists them.", autocompletion=component("prior")),
    ],
    data: Annotated[Path, typer.Option(help="Motion shard (.npz), or folder: its *_val*.npz, or all where none is.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Option of the prior, e.g. weights=open.")
    ] = None,
    frames: Annotated[int, typer.Option(min=8, help="Frames a window.")] = 64,
    windows: Annotated[int, typer.Option(min=2, help="Most windows, evenly spaced over the data.")] = 256,
    draws: Annotated[int, typer.Option(min=1, help="Draws of the prior's noise that an energy is the mean of.")] = 4,
    samples: Annotated[int, typer.Option(min=0, help="Motions to draw from priors that can; 0 for none.")] = 32,
    batch: Annotated[int, typer.Option(min=1, help="Windows side by side.")] = 32,
    skeleton: Annotated[
        Path | None, typer.Option(help="skeleton.json with the data's bones; default: beside the data.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the report to this .json file.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of corruptions and noise.")] = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda[:N].")] = "cpu",
    plugins: Annotated[
        list[str] | None, typer.Option("--plugin", "-p", metavar="FILE.py|MODULE|no:NAME", help="Load or block one.")
    ] = None,
) -> int:
    """Measure a prior: does it rank real motion above spoilt motion, and what does it say of itself.

    Works for every prior, a plugin's too: real windows of held motion against the same windows shuffled, slowed,
    sped up, reversed, slid and shaken. Priors that can also report denoising errors and samples beside the data.
    """
    from diffopt_priors.report.options import options_of, registry_of

    registry = registry_of(plugins, name)
    options = options_of(registry, name, settings)

    from diffopt_core.voice import answer, speaks

    from diffopt_priors.report.bones import bones
    from diffopt_priors.report.device import chosen
    from diffopt_priors.report.held import hold, shards
    from diffopt_priors.report.measure import batches, measure
    from diffopt_priors.report.ranking import Asked
    from diffopt_priors.report.show import show, tick, write_json

    files, notices = shards(data)
    offsets, told = bones(skeleton, data, files)
    held, more = hold(files, offsets, frames, windows)
    for line in (*notices, *told, *more):
        _log.warning(line)
    asked = Asked(name, options, registry, chosen(device), draws, batch, seed)
    with tick(batches(asked, held), f"prior {name}") as step:
        report = measure(asked, held, samples, step)
    answer(report)
    if speaks():
        show(report)
    if not report["sections"]:
        _log.warning(f"prior {name} reports nothing of its own beside the ranking")
    if out is not None:
        write_json(out, report)
    return 0
