"""``diffopt check``: everything of a run but the solve."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..options import Device
from ..voice import answer
from .choice import Choice, chooses
from .console import grid, out, say

if TYPE_CHECKING:
    from ..run import Run
    from ..window import Evidence

NAME = "check"
PANEL = "Recover motion"


@chooses
def command(
    choice: Choice,
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT", help="As for `run`.")],
    device: Device = "auto",
) -> int:
    """Check inputs, plugins, options, recipe and device without solving. Writes nothing."""
    from ..run import Run, check
    from .inputs import expand

    registry = choice.registry()
    recipe = choice.resolve(registry)
    files = expand(inputs, registry, recipe)
    with tempfile.TemporaryDirectory() as nowhere:
        run = Run(files, recipe, registry, Path(nowhere) / "out", device=device)
        evidence = check(run)
    table = grid("clip", "frames", "fps", "seen", "keypoints", "camera", "body", "truth")
    clips, stages = [], []
    for item in evidence:
        clip, seen = item.clip, int(item.observations.valid.sum())
        body = "own skeleton" if clip.rest_joints is not None else item.body.betas_of
        clips.append(
            {
                "clip": clip.name, "frames": clip.num_frames, "fps": clip.fps, "seen": seen,
                "keypoints": item.observations.layout, "metric": item.camera.metric, "unit": item.camera.unit,
                "travel": item.camera.travel, "body": body,
                "truth": clip.truth is not None,
            }
        )  # fmt: skip
        table.add_row(
            clip.name,
            str(clip.num_frames),
            f"{clip.fps:g}",
            f"{seen}/{clip.num_frames}",
            item.observations.layout,
            "metric" if item.camera.metric else "unknown scale",
            body,
            "yes" if clip.truth is not None else "no",
        )
    _bind(run, evidence)
    out.print(table, highlight=False)
    for name, stage in recipe.stages:
        steps = stage.rounds * sum(stage.block[block].steps for block in stage.blocks)
        terms = sorted({term for block in stage.blocks for term in stage.block[block].terms})
        stages.append({"stage": name, "steps": steps, "terms": terms})
        say(f"stage {name}: {steps} steps; terms {', '.join(terms)}")
    answer({"ready": True, "clips": clips, "stages": stages})
    say("ready to run")
    return 0


def _bind(run: Run, evidence: list[Evidence]) -> None:
    """Build body, placement, representation, terms and prior of each clip, and match the recipe's variables."""
    from ..problem import bind
    from ..run import context
    from ..window import stack

    ctx = context(run)
    for item in evidence:
        problem = bind(stack([item], ctx.device), [run.seed], run.recipe, ctx)
        for _, stage in run.recipe.stages:
            for block in stage.block.values():
                problem.variables.rated(block.free, block.lr)
