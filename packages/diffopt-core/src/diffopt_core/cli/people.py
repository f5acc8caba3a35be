"""``diffopt run --person all``: everybody in a clip, in one world: that of the person who is solved first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..common.console import fail, note
from ..errors import DiffOptError
from ..host.choice import EVERYBODY, Choice
from .solving import drawn, finish, solve

if TYPE_CHECKING:
    from ..data.window import Evidence
    from ..host.registry import Registry
    from ..results.run import Run

#: Who is seen in fewer frames than this share of the first person's is left out.
_LEAST = 0.1


def everybody(
    choice: Choice, inputs: list[Path], registry: Registry, out: Path | None, asked: Mapping[str, Any],
    besides: Mapping[str, Any],
) -> int:  # fmt: skip
    """Solve the people of each clip into ``OUT/personID``. ``asked``: fields of the run; ``besides``: exporters,
    pictures. Returns the status."""
    from ..results.recover import run_of

    first, status = replace(choice, person="largest"), 0
    clips = run_of(first, inputs, registry, **asked).inputs
    for path in clips:
        stem = path.stem + path.name.rpartition("#")[2] * ("#" in path.name)
        home = (out or Path("runs")) / stem if len(clips) > 1 or out is None else out
        try:
            status |= _of_clip(first, path, registry, home, asked, besides)
        except DiffOptError as error:
            if len(clips) == 1:
                raise
            fail(str(error))
            status = 1
    return status


def _of_clip(
    choice: Choice, path: Path, registry: Registry, home: Path, asked: Mapping[str, Any], besides: Mapping[str, Any]
) -> int:
    from ..results.checking import check
    from ..results.recover import run_of

    run = run_of(choice, [path], registry, **asked)
    (found,) = check(run)
    who, others = _people(found)
    leads = home / f"person{who}"
    status = _solved(replace(run, out=leads), besides, [found])
    # under the camera that was solved with the first one, whatever found it
    roles = tuple(role for role in choice.roles if role[0] != "camera")
    there = [leads]
    for other in others:
        asks = replace(choice, person=other, recipe=None, roles=(*roles, ("camera", f"result={leads}")))
        try:
            status |= _solved(run_of(asks, [path], registry, home / f"person{other}", **asked), besides)
            there.append(home / f"person{other}")
        except DiffOptError as error:
            fail(f"person {other}: {error}")
            status = 1
    if len(there) > 1:
        note(f"{path.stem}: {len(there)} people in one world: diffopt view {' '.join(map(str, there))}")
    return status


def _solved(run: Run, besides: Mapping[str, Any], evidence: list[Evidence] | None = None) -> int:
    run = drawn(replace(run, besides=tuple(besides["exporters"])), besides["picture"], besides["report"])
    return finish(run, solve(run, evidence=evidence))


def _people(found: Evidence) -> tuple[str, list[str]]:
    """The person of the evidence, and the others, most frames first. Raises DiffOptError where nobody tells."""
    for part in (found.observations, found.body):
        told = part.facts.get("person")
        if isinstance(told, dict) and {"id", "among"} <= told.keys():
            seen = dict(told["among"])
            least = _LEAST * seen[told["id"]]
            others = sorted((each for each in seen if each != told["id"]), key=lambda each: -seen[each])
            if few := [each for each in others if seen[each] < least]:
                note(f"{found.clip.name}: left out, seen in few frames: {', '.join(few)} (--person ID takes one)")
            return str(told["id"]), [str(each) for each in others if seen[each] >= least]
    raise DiffOptError(f"{found.clip.name}: --person {EVERYBODY}: neither detector nor first poses tell people apart")
