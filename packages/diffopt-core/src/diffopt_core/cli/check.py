"""``diffopt check``: everything that ``run`` does before the solve."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated

import typer

from ..common.console import grid, out, say
from ..common.options import Device
from ..common.output import answer
from ..host.choice import Choice
from .choice import chooses

if TYPE_CHECKING:
    from ..data.window import Evidence
    from ..host.recipe import Recipe
    from ..results.run import Run

NAME = "check"
PANEL = "Recover motion"


@chooses
def command(
    choice: Choice,
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT", help="As for `run`.")],
    device: Device = "auto",
) -> int:
    """Check inputs, plugins, options, recipe and device without solving. Writes nothing.

    Example: diffopt check runs/demo/demo.npz (after diffopt demo)
    """
    from ..results.checking import check
    from ..results.recover import run_of
    from ..results.run import fitting, titled

    run = run_of(choice, inputs, choice.registry(), device=device)
    evidence = check(run)
    runs = {item.clip.name: run.for_clip(item) for item in evidence}
    recipes: dict[str, Recipe] = {}
    table = grid("clip", "frames", "fps", "seen", "keypoints", "camera", "body", "truth")
    clips, stages = [], []
    for item in evidence:
        clip, seen = item.clip, int(item.observations.valid.sum())
        recipe = runs[clip.name].recipe
        title = titled(str(choice.recipe or fitting(item.camera, item.body)), recipe, run.registry)
        recipes[title] = recipe
        body = "own skeleton" if clip.rest_joints is not None else item.body.betas_of
        clips.append(
            {
                "clip": clip.name, "frames": clip.num_frames, "fps": clip.fps, "seen": seen,
                "keypoints": item.observations.layout, "metric": item.camera.metric, "unit": item.camera.unit,
                "travel": item.camera.travel, "body": body, "recipe": title,
                "truth": clip.truth is not None, "trusted": item.camera.trusted and not clip.doubts,
                "doubts": list(clip.doubts),
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
        _bind(runs[clip.name], item)
    out.print(table, highlight=False)
    for title, recipe in recipes.items():
        say(f"recipe: {title}")
        for name, stage in recipe.stages:
            steps = stage.rounds * sum(stage.block[block].steps for block in stage.blocks)
            terms = sorted({term for block in stage.blocks for term in stage.block[block].terms})
            stages.append({"recipe": title, "stage": name, "steps": steps, "terms": terms})
            say(fill(f"stage {name}: {steps} steps; terms {', '.join(terms)}", 80, subsequent_indent="  "))
    answer({"ready": True, "clips": clips, "stages": stages})
    say("ready to run")
    return 0


def _bind(run: Run, item: Evidence) -> None:
    """Build body, placement, representation, terms and prior of a clip, and match the variables of its recipe."""
    from ..data.window import stack
    from ..results.run import context
    from ..solver.problem import bind, lay_out

    ctx = context(run)
    problem = bind(lay_out(stack([item], ctx.device), [run.seed], run.recipe, ctx), run.recipe)
    for _, stage in run.recipe.stages:
        for block in stage.block.values():
            problem.variables.rated(block.free, block.lr)
