"""``diffopt check``: everything that ``run`` does before the solve."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..common.console import fail, grid, out, say
from ..common.options import Device
from ..common.output import answer
from ..common.words import counted
from ..host.choice import Choice
from .choice import chooses

if TYPE_CHECKING:
    from ..data.window import Evidence
    from ..host.recipe import Recipe
    from ..results.failures import Failure
    from ..results.run import Run
    from ..types import Result

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
    from ..results.failures import spared
    from ..results.recover import run_of
    from ..results.run import fitting, titled

    run = run_of(choice, inputs, choice.registry(), device=device)
    failed: list[Failure] | None = None if len(run.inputs) == 1 else []
    evidence = check(run, failed)
    recipes: dict[str, Recipe] = {}
    clips, told = [], list[str]()
    for item in evidence:
        fitted = run.for_clip(item)
        title = titled(str(choice.recipe or fitting(item.camera, item.body)), fitted.recipe, run.registry)
        with spared(failed, item.clip.name, item.clip.path, run.registry):
            start = _bound(fitted, item)
            recipes[title] = fitted.recipe
            clips.append(_row(item, start, title))
            told.append(_described(clips[-1]))
    bad = failed or []
    _print_table(clips, bad)
    for text in told:
        say(text)
    stages = [stage for title, recipe in recipes.items() for stage in _told_stages(title, recipe)]
    answer({"ready": not bad, "clips": clips, "stages": stages,
            "failed": [{"input": each.path, "error": each.error} for each in bad]})  # fmt: skip
    for each in bad:
        fail(each.error)
    if bad:
        fail(f"{len(bad)} of {counted(len(run.inputs), 'input')} cannot be used")
        return 1
    say("ready to run")
    return 0


def _row(item: Evidence, start: Result, title: str) -> dict[str, Any]:
    """What there is of a clip, and what its result will rest on."""
    from ..parts.assumed import as_data

    clip = item.clip
    return {
        "clip": clip.name, "frames": clip.num_frames, "fps": clip.fps, "seen": int(item.observations.valid.sum()),
        "keypoints": item.observations.layout, "metric": item.camera.metric, "unit": item.camera.unit,
        "travel": item.camera.travel, "body": "own skeleton" if clip.rest_joints is not None else item.body.betas_of,
        "recipe": title, "truth": clip.truth is not None, "trusted": not start.untrusted,
        "not_trusted": list(start.untrusted), "doubts": list(start.clip.doubts), "parts": _parts(item),
        "assumed": as_data(start), "vertical": start.provenance.get("vertical"),
        "shot": None if clip.video is None or not clip.video.shot else [clip.video.first, clip.num_frames],
    }  # fmt: skip


def _print_table(clips: Sequence[dict[str, Any]], bad: Sequence[Failure]) -> None:
    table = grid("clip", "frames", "fps", "seen", "keypoints", "camera", "body", "truth")
    for row in clips:
        table.add_row(
            row["clip"], str(row["frames"]), f"{row['fps']:g}", f"{row['seen']}/{row['frames']}", row["keypoints"],
            "metric" if row["metric"] else "unknown scale", row["body"], "yes" if row["truth"] else "no",
        )  # fmt: skip
    for each in bad:
        table.add_row(each.name.replace("[", r"\["), *"–" * 6, "cannot be used")
    out.print(table, highlight=False)


def _told_stages(title: str, recipe: Recipe) -> list[dict[str, Any]]:
    """Print the stages of a recipe; they are also returned."""
    stages = []
    say(f"recipe: {title}")
    for name, stage in recipe.stages:
        steps = stage.rounds * sum(stage.block[block].steps for block in stage.blocks)
        terms = sorted({term for block in stage.blocks for term in stage.block[block].terms})
        stages.append({"recipe": title, "stage": name, "steps": steps, "terms": terms})
        say(fill(f"stage {name}: {steps} steps; terms {', '.join(terms)}", 80, subsequent_indent="  "))
    return stages


def _parts(item: Evidence) -> dict[str, str]:
    """The component that made each part of the evidence, the models of detector and camera, and the focal length."""
    parts = item.clip.parts
    made = {kind: str(part.facts.get("component", "?")) for kind, part in parts.items()}
    focal = str(item.camera.facts.get("focal_from") or item.clip.focal_from or "the file's")
    detector = str(parts["detector"].facts.get("model") or "") if "detector" in parts else ""
    return made | {"model": str(item.camera.facts.get("model", "")), "focal": focal, "detector_model": detector}


def _described(row: dict[str, Any]) -> str:
    """What a clip is made from, in a sentence; and a line for each thing that its result will rest on."""
    made = row["parts"]
    by = {kind: "the file's" if made[kind] == "given" else made[kind] for kind in ("detector", "camera", "initializer")}
    where = f"frames {row['shot'][0]} to {sum(row['shot']) - 1}" if row["shot"] else ""
    model = f" ({made['detector_model']} model)" if made["detector_model"] else ""
    found = (
        where, f"keypoints {by['detector']}{model}",
        f"camera {by['camera']}{f' ({model})' if (model := made['model']) else ''}: {_TRAVELS[row['travel']]}",
        f"first poses {by['initializer']}", f"recipe {row['recipe']}",
        f"not trusted: {'; '.join(row['not_trusted'])}" if row["not_trusted"] else "trusted",
    )  # fmt: skip
    lines = [f"{row['clip']}: {'; '.join(filter(None, found))}"]
    lines += [f"  {ground['what']}: {ground['said']}" for ground in row["assumed"]]
    return "\n".join(fill(line, 80, subsequent_indent="    ") for line in lines)


def _bound(run: Run, item: Evidence) -> Result:
    """Build body, placement, representation, terms and prior of a clip, and match the variables of its recipe. Returns
    the clip as it would be solved, before the first step."""
    from ..data.window import stack
    from ..results.run import context
    from ..solver.batch import at_start
    from ..solver.problem import bind, lay_out

    ctx = context(run)
    problem = bind(lay_out(stack([item], ctx.device), [run.seed], run.recipe, ctx), run.recipe)
    for _, stage in run.recipe.stages:
        for block in stage.block.values():
            problem.variables.rated(block.free, block.lr)
    return at_start(problem, run.recipe)
