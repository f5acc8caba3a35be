"""The first files of a plugin: a package of one component that keeps its contract from the start.

``templates/`` has a file per kind: a head of ``key: value``, the module of the component, and what its test needs
besides; the other files there are common to all.
"""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path
from string import Template

from ..errors import DiffOptError, UnknownName
from ..plugin import API_VERSION, KINDS

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
