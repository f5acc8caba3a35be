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
    """Registry of installed plugins and ``-p``; raises UnknownName for an unknown prior."""
    registry = Registry.load(plugins or ())
    registry.component("prior", prior)
    return registry


def options_of(registry: Registry, prior: str, settings: Sequence[str] | None) -> dict[str, Any]:
    """Check the options of a prior, given as ``weights=open`` or, as in ``diffopt run``, ``prior.weights=open``."""
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
    data: Annotated[
        Path, typer.Option(help="Motion shard (.npz), or a folder: its *_val*.npz, or all if there are none.")
    ],
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Option of the prior, e.g. weights=open.")
    ] = None,
    frames: Annotated[int, typer.Option(min=8, help="Frames per window.")] = 64,
    windows: Annotated[int, typer.Option(min=2, help="Largest number of windows, evenly spaced over the data.")] = 256,
    draws: Annotated[int, typer.Option(min=1, help="Draws of the prior's noise over which an energy is averaged.")] = 4,
    samples: Annotated[int, typer.Option(min=0, help="Motions to sample from priors that can; 0 for none.")] = 32,
    batch: Annotated[int, typer.Option(min=1, help="Windows per batch.")] = 32,
    skeleton: Annotated[
        Path | None, typer.Option(help="skeleton.json with the data's bones; default: beside the data.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the report to this .json file.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of corruptions and noise.")] = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda[:N].")] = "cpu",
    plugins: Plugins = None,
) -> int:
    """Evaluate a prior: how well its energy separates real motion from corrupted motion, and its own report.

    Works for every prior, also of plugins: windows of held-out motion against the same windows shuffled, slowed down,
    sped up, reversed, with sliding feet and with jitter. Some priors also report denoising errors and samples.

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
    from diffopt_priors.report.ranking import Asked, notice

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
    if few := notice(report["ranking"]):
        _log.warning(few)
    if not report["sections"]:
        _log.warning(f"prior {name} has no report of its own besides the ranking")
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
    steps: Annotated[int, typer.Option(min=2, help="Number of DDIM steps.")] = 50,
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
        raise DiffOptError(
            f"--set {other[0]}: sampling only has the option `weights`; other options are for distillation"
        )

    from diffopt_priors.configs import MDMConfig
    from diffopt_priors.report.draw import draw_samples

    written = draw_samples(MDMConfig(**options).weights, out, count, frames, seed, steps)
    answer({"folder": out, "files": [path.name for path in written]})
    say("wrote " + ", ".join(str(path) for path in written))
    return 0
