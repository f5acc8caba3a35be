"""``diffopt weights``: files that are not shipped. What there is, where it belongs, and fetching it once you agree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..common.console import err, grid, out, say
from ..common.options import Plugins
from ..common.output import answer, quiet, speaks
from ..host import completion

if TYPE_CHECKING:
    from ..common.console import Screen
    from ..common.progress import Update
    from ..host.registry import Registry
    from ..perception.weights import Found
    from ..plugin import WeightFile

NAME = "weights"
PANEL = "Look around"

group = typer.Typer(
    help="Files that components need and that are not shipped: list them, fetch one, say where it belongs.",
    no_args_is_help=True,
)


@group.command("list")
def list_files(plugins: Plugins = None) -> int:
    """Every file, whether it is here, its size and licence. Nothing is fetched.

    Example: diffopt weights list
    """
    from ..common.places import WEIGHTS_VARIABLE, weights_folder

    table = grid("name", "state", "size", "licence", "used by", "summary")
    told = []
    for _, file in sorted(_registry(plugins).weights.items()):
        told.append(_data(file))
        table.add_row(file.name, _state(file), size(file), file.licence.split(";")[0], file.used_by, file.summary)
    answer({"folder": weights_folder(), "files": told})
    out.print(table, highlight=False)
    say(f"\nThey lie in {weights_folder()} ({WEIGHTS_VARIABLE} names another folder).")
    return 0


@group.command("where")
def where(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="One file; without it, the folder.", autocompletion=completion.weights()),
    ] = None,
    plugins: Plugins = None,
) -> int:
    """Path of a file, checked; where to get it if it is not there (status 2).

    Example: diffopt weights where
    """
    from ..common.places import weights_folder
    from ..perception.weights import find, locate

    if name is None:
        answer({"folder": weights_folder()})
        say(str(weights_folder()))
        return 0
    file = _registry(plugins).weight_file(name)
    path = locate(file)
    found = find(file)
    assert found is not None
    answer({"name": name, "path": path, **_checked(found)})
    say(str(path))
    if not quiet():
        whose = _whose(found.published, found.pinned)
        err.print(f"[dim]sha256 {found.sha256} ({whose})[/]", soft_wrap=True, highlight=False)
    return 0


@group.command("get")
def get(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="As in `diffopt weights list`.", autocompletion=completion.weights()),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Agree to the licence without being asked.")] = False,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FOLDER", help="Take the file from here and not from the net.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the one that is there.")] = False,
    plugins: Plugins = None,
) -> int:
    """Fetch one file, once its licence is agreed to; its checksum is enforced.

    Example: diffopt weights get vitpose-base
    """
    from ..errors import BadInput, MissingResource
    from ..perception.weights import copy_from, fetch, find, place_of, remedy

    file = _registry(plugins).weight_file(name)
    if not force and (found := find(file)) is not None:
        answer({"name": name, "path": found.path, "fetched": False, **_checked(found)})
        say(f"{found.path} is there already (sha256 {found.sha256}).")
        return 0
    if source is not None and not source.exists():
        raise BadInput(source, "--from", "does not exist")
    _introduce(file, out if speaks() or yes else err)  # whoever is asked has to read what about
    if file.registration and source is None:
        raise MissingResource(f"weights '{name}' are not fetched for you: {remedy(file)}, or use --from FOLDER")
    _agree(file, yes)
    with nullcontext() if quiet() else _bars():
        found = copy_from(file, source) if source is not None else fetch(file)
    answer({"name": name, "path": place_of(file), "fetched": True, **_checked(found)})
    say(f"{place_of(file)}: sha256 {found.sha256} ({_whose(found.published, found.pinned)})")
    if file.then:
        say(file.then)
    return 0


def _data(file: WeightFile) -> dict[str, Any]:
    """A row of the list."""
    return {
        "name": file.name,
        "state": {"-": "absent"}.get(_state(file), _state(file)),
        "bytes": file.size,
        "licence": file.licence,
        "terms": file.terms,
        "used_by": file.used_by,
        "summary": file.summary,
        "filename": file.filename,
    }


def _checked(found: Found) -> dict[str, Any]:
    """``published``: its makers published that checksum; else it is that of its first day here."""
    return {"sha256": found.sha256, "published": found.published}


def _registry(plugins: list[str] | None) -> Registry:
    from ..host.registry import Registry

    return Registry.load(plugins or ())


def _introduce(file: WeightFile, screen: Screen) -> None:
    """Name, size, licence and terms, before anything else happens."""
    rows = [
        ("file", f"{file.filename}, {size(file)}: {file.summary}"),
        ("licence", file.licence),
        ("terms", file.terms),
    ]
    if file.registration:
        rows.append(("sign up", file.registration))
    else:
        rows.append(("from", f"https://huggingface.co/{file.hub}" if file.hub else file.urls[0]))
    table = grid("", file.name)
    for row in rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    screen.print(table, highlight=False)


def _agree(file: WeightFile, yes: bool) -> None:
    """Raise DiffOptError unless the user agrees; where nobody can answer, ``--yes`` has to be said."""
    from ..errors import DiffOptError

    if yes:
        return
    try:
        agreed = typer.confirm("Do you agree to these terms, and shall it be put in place?", default=False)
    except typer.Abort:
        raise DiffOptError(f"weights '{file.name}': nobody answered; agree with --yes") from None
    if not agreed:
        raise DiffOptError(f"weights '{file.name}': not agreed to, nothing was fetched")


def _state(file: WeightFile) -> str:
    """Whether it lies in its place; a listing reads no gigabytes, so its checksum is not looked at."""
    from ..perception.weights.store import hashed_file, place_of

    if hashed_file(file, place_of(file)).is_file():
        return "here"
    return "sign up" if file.registration else "-"


def _whose(published: bool, pinned: bool) -> str:
    if published:
        return "as published"
    return (
        "no checksum is published: pinned as it is now"
        if pinned
        else "no checksum is published, and none could be kept"
    )


def size(file: WeightFile) -> str:
    """Decimal units, as downloads are counted."""
    if file.size is None:
        return "size unknown"
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if file.size >= scale:
            return f"{file.size / scale:.3g} {unit}"
    return f"{file.size} B"


@contextmanager
def _bars() -> Iterator[None]:
    """Progress of the download on standard error."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from ..common.progress import shown

    @contextmanager
    def display(title: str, total: int | None) -> Iterator[Update]:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, console=err.console) as progress:
            task = progress.add_task(title, total=total)
            yield lambda done: progress.update(task, completed=done)

    with shown(display):
        yield
