"""``diffopt new KIND NAME``: a plugin to start from, a package of one component that keeps its contract from the start.

``templates/`` has a file per kind: a head of ``key: value``, the module of the component, and what its test needs
besides; the other files there are common to all.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from ..common.console import say
from ..common.output import answer
from ..errors import DiffOptError, UnknownName
from ..host import completion
from ..plugin import API_VERSION, KINDS

NAME = "new"
PANEL = "Bring your own"
_TEMPLATES = Path(__file__).parent / "templates"


def package(kind: str, name: str) -> dict[str, str]:
    """Texts by their path in the package of component ``name``.

    Raises UnknownName for a kind that there is not, DiffOptError for a name that is none.
    """
    if kind not in KINDS:
        raise UnknownName("kind", kind, KINDS)
    if not re.fullmatch("[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise DiffOptError(f"'{name}' is no name: small letters and digits, parts joined by '-', a letter first")
    head, module, *more = re.split(r"(?m)^---\n", _read(kind))
    said = dict(line.split(": ", 1) for line in head.splitlines())
    imported = f"diffopt_{name.replace('-', '_')}"
    row = f'Component("{kind}", "{name}", "{imported}:Config", "{said["summary"]}")'
    words = {
        **{"base": "ComponentConfig", **said, "more": f"\n    {said['more']}" if "more" in said else ""},
        "kind": kind,
        "Kind": "Camera source" if kind == "camera" else kind.capitalize(),
        "name": name,
        "Class": "".join(part.capitalize() for part in name.split("-")),
        "project": f"diffopt-{name}",
        "package": imported,
        "rows": f"[{row}]" if len(row) <= 107 else f"[\n        {row}\n    ]",
        "contract": f"{kind.capitalize()}Contract",
        "api": str(API_VERSION),
        "version": importlib.metadata.version("diffopt-core"),
    }
    texts = {
        "pyproject.toml": _read("pyproject.toml"),
        "README.md": _read("README.md"),
        f"src/{imported}/__init__.py": _read("__init__.py"),
        f"src/{imported}/{kind}.py": module,
        f"tests/test_{imported.removeprefix('diffopt_')}.py": "\n".join([_read("test.py"), *more]),
    }
    licence = importlib.metadata.distribution("diffopt-core").read_text("licenses/LICENSE")
    return {path: Template(text).substitute(words) for path, text in texts.items()} | {"LICENSE": licence or ""}


def _read(name: str) -> str:
    return (_TEMPLATES / f"{name}.txt").read_text(encoding="utf-8")


def command(
    kind: Annotated[str, typer.Argument(help=f"A kind: {', '.join(sorted(KINDS))}.", autocompletion=completion.kind())],
    name: Annotated[str, typer.Argument(help="What the component is to be called, e.g. tripod.")],
) -> int:
    """Write a plugin to start from: a package of one component with licence, README and tests that pass.

    Example: diffopt new camera tripod
    """
    from ..host.registry import Registry

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
    say(f"\nNext: pip install -e {folder} pytest (in an environment of uv: uv pip install ...), then")
    say(f"pytest {folder} && diffopt show {kind} {name}")
    return 0
