"""``diffopt new KIND NAME``: a plugin to start from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ..common.console import say
from ..common.output import answer
from ..host import completion

NAME = "new"
PANEL = "Bring your own"


def command(
    kind: Annotated[str, typer.Argument(help="A kind, e.g. camera.", autocompletion=completion.kind())],
    name: Annotated[str, typer.Argument(help="What the component is to be called, e.g. tripod.")],
) -> int:
    """Write a plugin to start from: a package of one component with licence, README and tests that pass.

    Example: diffopt new camera tripod
    """
    from ..errors import DiffOptError
    from ..host.registry import Registry
    from ..host.scaffold import package

    texts, registry = package(kind, name), Registry.load()
    if name in registry.components[kind]:
        raise DiffOptError(f"{kind} '{name}' is already offered by {registry.source(kind, name)}: choose another name")
    folder = Path(f"diffopt-{name}")
    if folder.exists():
        raise DiffOptError(f"{folder}: exists already")
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        for path, text in texts.items():
            (draft / path).parent.mkdir(parents=True, exist_ok=True)
            (draft / path).write_text(text, encoding="utf-8")
        draft.rename(folder)
    except OSError as error:
        raise DiffOptError(f"{folder}: cannot be written: {error.strerror or error}") from error
    answer({"folder": folder, "files": sorted(texts)})
    say("\n".join(f"{folder / path}" for path in texts))
    say(f"\nNext: cd {folder} && pytest; pip install -e . && diffopt show {kind} {name}")
    return 0
