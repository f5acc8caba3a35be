"""``diffopt calibrate prior``: choose the guidance of a prior's weights on held-out motion.

Two entries of a card depend only on the weights. ``spread``: the residuals of the denoiser on held-out motion
(:mod:`diffopt_priors.mdm.spread`). ``guidance``: the strength at which cases simulated from that motion are solved
best. Both are measured on motion that the weights were not trained on, which the user must provide.
"""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from diffopt_core.common.documents import write_json
from diffopt_core.errors import BadInput, DiffOptError

#: Metrics for choosing the guidance; lower is better.
METRICS = ("W-MPJPE100", "WA-MPJPE100", "rigid_clip", "mpjpe_rigid", "pa_mpjpe")
#: Strengths to try; the shipped weights have 0.5.
STRENGTHS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
#: Noise levels of eq. 1: all of them.
_LEVELS = [0.02, 0.98]
#: Row of the solves without a prior.
_NONE = "none"


def score(row: dict[str, float], best: dict[str, float]) -> float:
    """Geometric mean over the metrics of the error relative to the smallest error of any row."""
    return math.exp(statistics.mean(math.log(row[name] / best[name]) for name in METRICS))


def choose(rows: dict[str, dict[str, float]]) -> str:
    """Name of the row with the lowest :func:`score`."""
    best = {name: min(row[name] for row in rows.values()) for name in METRICS}
    return min(rows, key=lambda name: score(rows[name], best))


def search(
    weights: Path, cases: Sequence[Path], recipe: str, settings: Sequence[str], seed: int, device: str,
    done: Callable[[str, dict[str, float]], None],
) -> dict[str, dict[str, float]]:  # fmt: skip
    """Mean metrics (mm) over the cases without a prior and for each strength; ``done`` is called with each row."""
    from diffopt_core.host.recipe import setting
    from diffopt_core.results.recover import recover

    given, asked = {"prior.weights": str(weights), "prior.timesteps": _LEVELS}, dict(map(setting, settings))
    rows: dict[str, dict[str, float]] = {}
    for name in (_NONE, *(f"{strength:g}" for strength in STRENGTHS)):
        own = {"prior.name": "none"} if name == _NONE else {**given, "prior.strength": float(name)}
        results = recover(cases, recipe, settings={**own, **asked}, seed=seed, device=device)
        final = [result.metrics["final"] for result in results]
        rows[name] = {metric: round(statistics.mean(each[metric] for each in final), 1) for metric in METRICS}
        done(name, rows[name])
    return rows


def simulated(shards: Sequence[Path], folder: Path, count: int, frames: int, seed: int) -> list[Path]:
    """Cases with truth of clips of all shards, drawn by the seed."""
    import numpy as np
    from diffopt_core.parts.datasets.motion_file import clip_names
    from diffopt_core.parts.datasets.simulator.folder import simulate_folder

    addresses = [address for shard in shards for address in clip_names(shard)]
    np.random.default_rng(seed).shuffle(addresses)
    simulate_folder(addresses, folder, count, seed, frames)
    return sorted(folder.glob("case_*.npz"))


def calibrate(
    weights: Annotated[Path, typer.Argument(help="A .safetensors file with its card; the card is completed.")],
    data: Annotated[
        Path, typer.Option(help="Shards (.npz) of motion that the weights were not trained on, or their folder.")
    ],
    recipe: Annotated[str, typer.Option(help="Recipe to solve with.")] = "paper",
    cases: Annotated[int, typer.Option(min=0, help="Simulated cases to solve at each strength; 0: spread alone.")] = 12,
    frames: Annotated[int, typer.Option(min=20, help="Frames of a case.")] = 100,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A key of the recipe, as in `run`.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of cases and solves.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda[:N].")] = "auto",
) -> int:
    """Choose the guidance strength of a prior's weights on held-out motion, and write it into their card.

    Published checkpoints first become a file with a card: `diffopt train import-mdm`. The card gets `spread` (what
    `prior.weighting=likelihood` reads) and `guidance` (noise levels and strength that a recipe uses by default), with
    the table of the search. In a folder, shards with _val in their name are taken if there are any.

    Example: diffopt calibrate prior mdm.safetensors --data MOCAP
    """
    from diffopt_core.common.output import answer, say

    from diffopt_priors.mdm.weights import load
    from diffopt_priors.report.held import shards
    from diffopt_priors.train.mdm.quality import spread_of

    if weights.suffix != ".safetensors":
        advice = "make it one with a card first: `diffopt train import-mdm --checkpoint FILE --stats FOLDER --out FILE`"
        raise BadInput(weights, "file", f"is no .safetensors; {advice}")
    denoiser, card = load(weights)
    files, notices = shards(data)
    for line in notices:
        say(line)
    if known := sorted({file.name for file in files} & set(card.get("training_files", ()))):
        raise DiffOptError(
            f"--data: the weights were trained on {', '.join(known)}; give motion that they were not trained on"
        )
    official = card.get("features") == "humanml3d"
    card["spread"] = spread_of(denoiser, files, card["fps"], official)
    write_json(weights.with_suffix(".json"), card)  # the solves read the spread where a recipe weighs by likelihood
    answer({"files": [weights.with_suffix(".json")], "spread": card["spread"]})
    if cases:

        def tell(name: str, row: dict[str, float]) -> None:
            title = "no prior" if name == _NONE else f"strength {name}"
            say(f"{title:14} " + "  ".join(f"{metric} {value:.0f}" for metric, value in row.items()))

        with tempfile.TemporaryDirectory() as folder:
            made = simulated(files, Path(folder), cases, frames, seed)
            rows = search(weights, made, recipe, settings or (), seed, device, tell)
        best = choose({name: row for name, row in rows.items() if name != _NONE})
        card["guidance"] = {"timesteps": _LEVELS, "strength": float(best)}
        card["guidance_search"] = {
            "recipe": recipe, "settings": list(settings or ()), "cases": cases, "frames": frames, "seed": seed,
            "data": [file.name for file in files], "rows": rows, "torch": version("torch"),
        }  # fmt: skip
        answer({"guidance": card["guidance"], "rows": rows})
        say(f"strength {best} is best over all metrics" + ("" if choose(rows) != _NONE else ", but no prior is better"))
        write_json(weights.with_suffix(".json"), card)
    say(f"wrote {weights.with_suffix('.json')}")
    return 0
