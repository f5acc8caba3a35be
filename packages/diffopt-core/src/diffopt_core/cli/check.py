"""``diffopt check``: everything that ``run`` does before the solve."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any

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
_TRAVELS = {"stands": "it stands", "turns": "it turns", "travels": "it travels", "unknown": "its travel is not known"}
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
    clips, stages, told = [], [], list[str]()
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
                "doubts": list(clip.doubts), "parts": _parts(item), "vertical": _bind(runs[clip.name], item),
            }
        )  # fmt: skip
        if clip.video is not None:
            told.append(_described(clips[-1], item))
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
    out.print(table, highlight=False)
    for text in told:
        say(fill(text, 80, subsequent_indent="  "))
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


def _parts(item: Evidence) -> dict[str, str]:
    """The component that made each part of the evidence, and the focal length."""
    made = {kind: str(part.facts.get("component", "?")) for kind, part in item.clip.parts.items()}
    focal = str(item.camera.facts.get("focal_from") or item.clip.focal_from or "the file's")
    return made | {"model": str(item.camera.facts.get("model", "")), "focal": focal}


def _described(row: dict[str, Any], item: Evidence) -> str:
    """What a clip with images is made from, in a sentence."""
    made, clip, video = row["parts"], item.clip, item.clip.video
    where = f"frames {video.first} to {video.first + clip.num_frames - 1}" if video is not None and video.shot else ""
    found = (
        where, f"keypoints of {made['detector']}",
        f"camera of {made['camera']}, {made['model']} ({_TRAVELS[row['travel']]})",
        f"focal length {made['focal']}", f"first poses of {made['initializer']}",
        f"vertical ± {row['vertical']['sd_deg']:g} degrees" if row["vertical"] else "", f"recipe {row['recipe']}",
        "trusted" if row["trusted"] else "not trusted",
    )  # fmt: skip
    return f"{clip.name}: {'; '.join(filter(None, found))}"


def _bind(run: Run, item: Evidence) -> dict[str, Any] | None:
    """Build body, placement, representation, terms and prior of a clip, and match the variables of its recipe. Returns
    what the vertical is from."""
    from ..data.window import stack
    from ..results.run import context
    from ..solver.problem import bind, lay_out

    ctx = context(run)
    problem = bind(lay_out(stack([item], ctx.device), [run.seed], run.recipe, ctx), run.recipe)
    for _, stage in run.recipe.stages:
        for block in stage.block.values():
            problem.variables.rated(block.free, block.lr)
    vertical = problem.start.vertical
    return None if vertical is None else vertical.facts(0)
