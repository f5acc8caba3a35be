"""``diffopt prior-report`` and ``diffopt sample``."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import typer
from diffopt_core.common.options import Plugins
from diffopt_core.errors import DiffOptError
from diffopt_core.host.completion import component
from diffopt_core.host.registry import Registry


def registry_of(plugins: Sequence[str] | None, prior: str) -> Registry:
    """Installed plugins and ``-p``; fails early for a prior that nobody offers."""
    registry = Registry.load(plugins or ())
    registry.component("prior", prior)
    return registry


def options_of(registry: Registry, prior: str, settings: Sequence[str] | None) -> dict[str, Any]:
    """Options of a prior from ``weights=open`` or, as ``diffopt run`` has it, ``prior.weights=open``; checked."""
    from diffopt_core.host.recipe import assign

    keys = [f"prior.{setting.removeprefix('prior.')}" for setting in settings or ()]
    options = dict(assign({"prior": {"name": prior, "options": {}}}, keys)["prior"]["options"])
    registry.config("prior", prior, options)
    return options


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
    frames: Annotated[int, typer.Option(min=8, help="Frames per window.")] = 64,
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
    plugins: Plugins = None,
) -> int:
    """Measure a prior: does it rank real motion above spoilt motion, and what does it say of itself.

    Works for every prior, a plugin's too: real windows of held motion against the same windows shuffled, slowed,
    sped up, reversed, slid and shaken. Priors that can also report denoising errors and samples beside the data.

    Example: diffopt prior-report mdm --data runs/demo/motion.npz (after diffopt demo)
    """
    registry = registry_of(plugins, name)
    options = options_of(registry, name, settings)

    from diffopt_core.common.documents import write_json
    from diffopt_core.common.output import answer, speaks
    from diffopt_core.common.progress import shown, terminal_bar, track
    from diffopt_core.host.provenance import device as find_device

    from diffopt_priors.report.held import hold, shards
    from diffopt_priors.report.measure import batches, bones, measure, show
    from diffopt_priors.report.ranking import Asked

    files, notices = shards(data)
    offsets, told = bones(skeleton, data, files)
    held, more = hold(files, offsets, frames, windows)
    for line in (*notices, *told, *more):
        _log.warning(line)
    asked = Asked(name, options, registry, find_device(device), draws, batch, seed)
    with shown(terminal_bar), track(f"prior {name}", batches(asked, held)) as update:
        done = count(1)
        report = measure(asked, held, samples, lambda: update(next(done)))
    answer(report)
    if speaks():
        show(report)
    if not report["sections"]:
        _log.warning(f"prior {name} reports nothing of its own beside the ranking")
    if out is not None:
        write_json(out, report)
    return 0


def sample_mdm(
    out: Annotated[Path, typer.Option(help="Folder for samples.npz, skeleton.json, samples.json and samples.png.")],
    count: Annotated[int, typer.Option(min=1, help="Motions to draw.")] = 16,
    frames: Annotated[
        int | None, typer.Option(min=8, help="Frames a motion; default: the window of the training.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    steps: Annotated[int, typer.Option(min=2, help="Noise levels on the way down (DDIM).")] = 50,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="weights=NAME|FILE", help="Weights to sample from.")
    ] = None,
    plugins: Plugins = None,
) -> int:
    """Draw motions from the motion diffusion prior.

    samples.npz is a motion shard: `diffopt simulate OUT/samples.npz#0 ...` and `diffopt prior-report` read it.

    Example: diffopt sample mdm --out runs/drawn
    """
    from diffopt_core.common.output import answer, say

    registry = registry_of(plugins, "mdm")
    options = options_of(registry, "mdm", settings)
    if other := sorted(options.keys() - {"weights"}):
        raise DiffOptError(f"--set {other[0]}: sampling reads `weights` only; the rest belongs to distillation")

    from diffopt_priors.configs import MDMConfig
    from diffopt_priors.report.draw import draw_samples

    written = draw_samples(MDMConfig(**options).weights, out, count, frames, seed, steps)
    answer({"folder": out, "files": [path.name for path in written]})
    say("wrote " + ", ".join(str(path) for path in written))
    return 0
