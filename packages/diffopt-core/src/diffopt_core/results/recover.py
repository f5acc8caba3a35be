"""The method as one call: files in, results out. The command line uses the same functions.

:func:`recover` and :func:`load` are the public Python API; ``diffopt_motion`` re-exports them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, overload

from ..errors import DiffOptError, UnknownName
from ..host.choice import FLAGS, Choice
from ..host.recipe import Recipe
from ..host.registry import Registry
from ..perception.finding import expand
from ..solver.solve import Report
from ..types import Result
from .checking import check
from .execute import execute
from .run import Run
from .saved import read_result


def run_of(choice: Choice, inputs: Sequence[Path], registry: Registry, out: Path | None = None, **asked: Any) -> Run:
    """Build the :class:`Run`. ``inputs``: files, and folders of them. ``asked``: further fields of the run."""
    recipe = choice.resolve(registry)
    files = expand(inputs, registry, recipe)
    choose = cache(partial(choice.resolve, registry)) if choice.recipe is None else None
    return Run(files, recipe, registry, out, choose=choose, **asked)


@overload
def recover(  # type: ignore[overload-overlap]  # a str is a sequence of str, too
    path: str | Path,
    recipe: str | Path | Recipe | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    seed: int = 0,
    overwrite: bool = False,
    plugins: Sequence[str | Path] = (),
    report: Report | None = None,
    **roles: str,
) -> Result: ...
@overload
def recover(
    path: Sequence[str | Path],
    recipe: str | Path | Recipe | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    seed: int = 0,
    overwrite: bool = False,
    plugins: Sequence[str | Path] = (),
    report: Report | None = None,
    **roles: str,
) -> list[Result]: ...
def recover(
    path: str | Path | Sequence[str | Path],
    recipe: str | Path | Recipe | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    seed: int = 0,
    overwrite: bool = False,
    plugins: Sequence[str | Path] = (),
    report: Report | None = None,
    **roles: str,
) -> Result | list[Result]:
    """Recover the global motion of a clip, or of many: what ``diffopt run`` does, bit for bit.

    Args:
        path: A video, a case file, or anything else that an installed dataset reads. A list (of files and of folders)
            gives a list of results in the same order; clips of one rate share batches (on a CPU, of equal length).
        recipe: A recipe by name, a ``.toml`` file or a resolved one. None: the best for what is known of the clip
            (:func:`.run.fitting`), which is logged; ``"paper"`` is the paper's method.
        settings: Keys of the recipe, e.g. ``{"prior.strength": 0.3, "input.fps": 60}``; they override everything else.
        out: Folder that the result is written to (for several results, a folder each inside it). None writes
            nothing. A finished result of the same run in it is read instead of solved again.
        device: ``auto`` (CUDA where there is one), ``cpu`` or ``cuda[:N]``.
        seed: Seed of all random numbers.
        overwrite: Replace the result of another run in ``out``; otherwise that is an error.
        plugins: Plugins that are not installed, as files or modules.
        report: Called with stage, steps done, total steps and mean losses, a dozen times per stage.
        **roles: Components by role, named like their flags: ``prior="humor"``, ``repr="raw"``, ``init="wham=FILE"``.

    Raises :class:`diffopt_core.errors.DiffOptError`: one line that names the file, the key and the problem.
    """
    many = not isinstance(path, str | Path)
    paths = [Path(path)] if isinstance(path, str | Path) else [Path(each) for each in path]
    named = str(recipe) if isinstance(recipe, Path) else recipe
    choice = Choice(named, tuple(map(_role, roles.items())), tuple((settings or {}).items()), tuple(map(str, plugins)))
    registry = choice.registry()
    folder = None if out is None else Path(out)
    run = run_of(choice, paths, registry, folder, seed=seed, device=device, overwrite=overwrite)
    if not many and len(run.inputs) > 1:
        raise DiffOptError(
            f"{path}: holds {len(run.inputs)} clips, expected one; "
            "pass a list, recover([path]), to get a list of results"
        )
    evidence = check(run)
    solved = {result.clip.name: result for result in execute(run, report or _silent, evidence=evidence)}
    names = [item.clip.name for item in evidence]
    results = [solved[name] if name in solved else load(run.folder(name)) for name in names]
    return results if many else results[0]


def load(folder: str | Path) -> Result:
    """Read a result from its folder (or a motion file), with its evidence and, if still available, its truth.

    Raises BadInput naming file and key.
    """
    return read_result(Path(folder), truth=True)


def _role(item: tuple[str, str]) -> tuple[str, str]:
    """Role, given by its own name or its flag's, and component."""
    known = {flag.removeprefix("--"): role for flag, role in FLAGS.items()} | {role: role for role in FLAGS.values()}
    name, component = item
    if name not in known:
        raise UnknownName("role", name, known)
    return known[name], str(component)


def _silent(stage: str, done: int, total: int, losses: dict[str, float]) -> None:
    """A report callback that does nothing."""
