"""``diffopt weights``: list, download and locate files that are not shipped."""

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
    help="Files that components need and that are not shipped: list, download, locate.",
    no_args_is_help=True,
)


@group.command("list")
def list_files(plugins: Plugins = None) -> int:
    """List every file with its state, size and licence. Downloads nothing.

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
    say(f"\nThe folder is {weights_folder()} ({WEIGHTS_VARIABLE} sets another one).")
    return 0


@group.command("where")
def where(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="One file; without it, the folder.", autocompletion=completion.weights()),
    ] = None,
    plugins: Plugins = None,
) -> int:
    """Print the path of a file after checking it; if it is missing, where to get it (status 2).

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
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Agree to the licence without a question.")] = False,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="PATH", help="Copy this file, or it from this folder, instead of downloading."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    plugins: Plugins = None,
) -> int:
    """Download one file after you agree to its licence; its checksum is verified.

    Example: diffopt weights get vitpose-base
    """
    from ..errors import BadInput, MissingResource
    from ..perception.weights import copy_from, fetch, find, place_of, remedy

    file = _registry(plugins).weight_file(name)
    if not force and (found := find(file)) is not None:
        answer({"name": name, "path": found.path, "fetched": False, **_checked(found)})
        say(f"{found.path} exists already (sha256 {found.sha256}).")
        return 0
    if source is not None and not source.exists():
        raise BadInput(source, "--from", "does not exist")
    _introduce(file, out if speaks() or yes else err)  # a question must be preceded by the terms
    if file.registration and source is None:
        raise MissingResource(
            f"weights '{name}' cannot be downloaded automatically: {remedy(file)}, or copy them with --from FOLDER"
        )
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
    """Data of a checked file. ``published``: the checksum is the published one; else it is that of the first use."""
    return {"sha256": found.sha256, "published": found.published}


def _registry(plugins: list[str] | None) -> Registry:
    from ..host.registry import Registry

    return Registry.load(plugins or ())


def _introduce(file: WeightFile, screen: Screen) -> None:
    """Print name, size, licence and terms."""
    rows = [
        ("file", f"{file.filename}, {size(file)}: {file.summary}"),
        ("licence", file.licence),
        ("terms", file.terms),
    ]
    if file.registration:
        rows.append(("sign up", file.registration))
    else:
        rows.append(("from", f"https://huggingface.co/{file.hub}" if file.hub else file.urls[0]))
        if file.npm:
            rows.append(("or npm", file.npm.replace(":", ", ")))
    table = grid("", file.name)
    for row in rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    screen.print(table, highlight=False)


def _agree(file: WeightFile, yes: bool) -> None:
    """Raise DiffOptError unless the user agrees; without a terminal ``--yes`` is required."""
    from ..errors import DiffOptError

    if yes:
        return
    try:
        agreed = typer.confirm("Do you agree to these terms, and shall the file be installed?", default=False)
    except typer.Abort:
        raise DiffOptError(f"weights '{file.name}': no answer to the licence question; agree with --yes") from None
    if not agreed:
        raise DiffOptError(f"weights '{file.name}': the terms were not agreed to, nothing was downloaded")


def _state(file: WeightFile) -> str:
    """State of a file for the list; large files are not read, so the checksum is not verified."""
    from ..perception.weights.store import hashed_file, place_of

    if hashed_file(file, place_of(file)).is_file():
        return "here"
    return "sign up" if file.registration else "-"


def _whose(published: bool, pinned: bool) -> str:
    if published:
        return "as published"
    return (
        "no checksum is published; this one is pinned from now on"
        if pinned
        else "no checksum is published, and this one could not be stored"
    )


def size(file: WeightFile) -> str:
    """Size as text in decimal units."""
    if file.size is None:
        return "size unknown"
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if file.size >= scale:
            return f"{file.size / scale:.3g} {unit}"
    return f"{file.size} B"


@contextmanager
def _bars() -> Iterator[None]:
    """Show progress of downloads on standard error."""
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
