"""``diffopt run --person all``: everybody in a clip, in one world: that of the person who is solved first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..common import output as voice
from ..common.console import fail, note
from ..common.documents import atomic, read_json
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
    """Solve the people of each clip into ``OUT/personID``, of several clips into ``OUT/CLIP/personID``; an index lists
    them. ``asked``: fields of the run; ``besides``: exporters, pictures. Returns the status."""
    from ..results.failures import Failure
    from ..results.recover import run_of
    from ..results.run import name_of
    from ..results.shards import INDEX, as_csv

    first = replace(choice, person="largest")
    clips = run_of(first, inputs, registry, **asked).inputs
    several = len(clips) > 1
    home = out or (Path("runs") if several else Path("runs") / name_of(clips[0]))
    job = _Job(first, registry, home, asked, besides)
    for path in clips:
        try:
            job.solve(path, f"{name_of(path)}/" if several else "")
        except DiffOptError as error:
            if not several:
                raise
            job.lost(name_of(path), path, Failure.of(name_of(path), path, error))
    if job.rows:
        with atomic(home / INDEX) as file:
            file.write(as_csv(job.rows))
    voice.answer({"results": job.results, "kept": job.kept, "failed": job.failed})
    return job.status


@dataclass
class _Job:
    """``rows``: of the index. ``results``, ``kept``, ``failed``: what the command answers."""

    choice: Choice
    registry: Registry
    home: Path
    asked: Mapping[str, Any]
    besides: Mapping[str, Any]
    rows: list[dict[str, str]] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)
    kept: int = 0
    status: int = 0

    def solve(self, path: Path, before: str) -> None:
        """Everybody of one clip. ``before``: of the keys."""
        from ..results.checking import check
        from ..results.failures import Failure
        from ..results.recover import run_of

        run = run_of(self.choice, [path], self.registry, **self.asked)
        (found,) = check(run)
        who, others = _people(found)
        leads = self.home / f"{before}person{who}"
        self._one(run, path, f"{before}person{who}", [found])
        # under the camera that was solved with the first one, whatever found it
        roles = tuple(role for role in self.choice.roles if role[0] != "camera")
        there = [leads]
        for other in others:
            asks = replace(self.choice, person=other, recipe=None, roles=(*roles, ("camera", f"result={leads}")))
            key = f"{before}person{other}"
            try:
                self._one(run_of(asks, [path], self.registry, **self.asked), path, key)
                there.append(self.home / key)
            except DiffOptError as error:
                self.lost(key, path, Failure.of(found.clip.name, path, error))
        if len(there) > 1:
            seen = " ".join(map(str, there))
            note(f"{found.clip.name}: {len(there)} people in one world: diffopt view {seen}")

    def _one(self, run: Run, path: Path, key: str, evidence: list[Evidence] | None = None) -> None:
        from ..results.index import row_of_saved

        run = replace(run, out=self.home / key, besides=tuple(self.besides["exporters"]))
        run = drawn(run, self.besides["picture"], self.besides["report"])
        with voice.about(key.rpartition("/")[2]):  # the clip's name is that of all of them
            results = solve(run, evidence=evidence)
            self.status |= finish(run, results, answer=self._gather)
        saved = row_of_saved(read_json(self.home / key / "run.json"))
        self.rows.append({"key": key, "input": str(path)} | saved)

    def _gather(self, told: dict[str, Any]) -> None:
        self.results += told["results"]
        self.kept += told["kept"]

    def lost(self, key: str, path: Path, failure: Any) -> None:
        """An input, or a person of it, without a result."""
        fail(f"{key}: {failure.error}")
        self.status = 1
        self.failed.append({"input": str(path), "error": failure.error})
        told = {"state": "failed", "reason": failure.reason, "error": failure.error}
        self.rows.append({"key": key, "input": str(path)} | told)


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
