"""The first steps of the pipeline: what can fail is checked, then inputs are opened and perceived."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ..common.output import about, heard
from ..data.window import Evidence
from ..errors import BadInput, DiffOptError
from ..host.choice import PAPER
from ..host.guests import named
from ..host.recipe import difference
from ..interfaces import BuildContext
from ..perception.asked import unused
from ..perception.perceive import open_clip, perceive
from ..types import Clip
from .failures import Failure, spared
from .folder import ResultFolder, content_of, fingerprint
from .run import Run, check_components, context, fitting, name_of, titled

log = logging.getLogger(__name__)
#: Why a clip is solved as in the paper; clips that a line names.
_NOT_FITTED = "the paper's method; too little is known of the camera for another"
_NAMED = 4


def check(run: Run, failed: list[Failure] | None = None) -> list[Evidence]:
    """Check everything that can fail before the solve (plugins, options, device, files, output folders), then
    perceive. ``failed``: bad inputs are added to it; None raises the error of the first."""
    with named(run.registry):
        return _checked(run, failed)


def _checked(run: Run, failed: list[Failure] | None) -> list[Evidence]:
    ctx = context(run)
    check_components(run, ctx)
    clips = []
    for path in run.inputs:
        with spared(failed, name_of(path), path, run.registry):
            clips.append(opened(run, path, ctx))
    names = [clip.name for clip in clips]
    if twice := {name for name in names if names.count(name) > 1}:
        raise DiffOptError(
            f"two inputs have the clip name '{sorted(twice)[0]}', so their "
            "results would overwrite each other; rename one of the files"
        )
    for clip in clips:
        if not run.only or clip.name in run.only:
            check_folder(run, clip.name, content_of(clip))
    found = _all_perceived(run, clips, ctx, failed)
    _say_recipes(run, found)
    return found


def _say_recipes(run: Run, found: Sequence[Evidence]) -> None:
    """Log one line per recipe that was chosen automatically."""
    chosen: dict[str, list[str]] = {}
    for item in found if run.choose else ():
        chosen.setdefault(fitting(item.camera, item.body), []).append(item.clip.name)
    for name, clips in chosen.items():
        if run.choose is not None:
            apart = len(chosen) > 1 and len(clips) <= _NAMED
            who = ", ".join(clips) if apart or len(clips) == 1 else f"{len(clips)} clips"
            recipe = run.choose(name)
            title = titled(name, recipe, run.registry)
            why = _NOT_FITTED if name == PAPER else f"{recipe.summary} (--recipe {PAPER} is the paper's method)"
            log.warning("%s: solved by recipe %s: %s", who, title, why)


def opened(run: Run, path: Path, ctx: BuildContext) -> Clip:
    """Open an input. Warnings are kept with the clip. Raises BadInput for a flag that has no effect on the only input;
    for one of several, it is a warning."""
    with heard([]) as told:
        clip = open_clip(path, run.recipe, ctx)
        for flag, why in unused(clip, run.recipe):
            if len(run.inputs) == 1 and not run.apart:
                raise BadInput(path, flag, why)
            log.warning("%s: %s %s", path, flag, why)
    return replace(clip, facts={**clip.facts, **({"warnings": told} if told else {})})


def _all_perceived(run: Run, clips: Sequence[Clip], ctx: BuildContext, failed: list[Failure] | None) -> list[Evidence]:
    """The evidence of every clip. A shot of a video that shows nobody, or cannot be used, is left out with a warning if
    there are others."""
    found, left = [], []
    for clip in clips:
        try:
            with (
                spared(None if clip.video and clip.video.shot else failed, clip.name, clip.path, run.registry),
                about(clip.name) if len(clips) > 1 else nullcontext(),
            ):
                found.append(perceived(run, clip, ctx))
        except BadInput as error:
            if len(clips) == 1 or clip.video is None or not clip.video.shot:
                raise
            left.append(error)
            log.warning("%s is left out: %s: %s", clip.name, error.key, error.problem)
    if left and not found:
        raise left[0]
    return found


def perceived(run: Run, clip: Clip, ctx: BuildContext) -> Evidence:
    """Warnings are kept with the clip. The recipe that is chosen for the clip may want another initializer."""
    with heard(list(clip.facts.get("warnings", ()))) as told:
        found = perceive(clip, run.recipe, ctx, run.fresh, lambda item: run.for_clip(item).recipe)
    return replace(found, clip=replace(found.clip, facts={**found.clip.facts, "warnings": told})) if told else found


def check_folder(run: Run, name: str, content: str | None) -> None:
    """Raise DiffOptError if the folder holds anything but a result that this run could give."""
    if run.out is None:
        return
    folder = ResultFolder(run.folder(name))
    marks = [fingerprint(recipe, run.seed, run.device, content) for recipe in run.possible()]
    folder.check(next((mark for mark in marks if folder.holds(mark)), marks[0]), run.overwrite, partial(differs, run))


def differs(run: Run, saved: Mapping[str, Any]) -> str:
    """In what a saved run, by its run file, differs from this one, as text."""
    told = saved.get("recipe")
    had: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    each = [[key for key, *_ in difference(had, recipe.dump()) if key != "summary"] for recipe in run.possible()]
    keys = min(each, key=len) + [key for key in ("seed", "device") if saved.get(key) != getattr(run, key)]
    others = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    return f"other {', '.join(keys[:3])}{others}" if keys else "its file, its truth or what is exported has changed"
