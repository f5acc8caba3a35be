"""From the command line to the options of each format."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from diffopt_core.common.options import commas
from diffopt_core.errors import DiffOptError, UnknownName

#: In the order in which ``diffopt export`` names them.
FORMATS = ("glb", "bvh", "amass", "usd", "csv", "trc", "fbx")


def formats(to: str, known: Iterable[str]) -> list[str]:
    """``glb,bvh`` or ``all`` as names, each once. ``known``: the exporters there are; those of other plugins count."""
    if to.strip() == "all":
        return list(FORMATS)
    names = list(commas(to))
    if not names:
        raise DiffOptError(f"--to {to!r}: expected formats, such as glb,bvh")
    for name in names:
        if name not in known:
            raise UnknownName("format", name, known)
    return names


def options_of(
    name: str, common: Mapping[str, Any], settings: Iterable[str], fields: Iterable[str], chosen: Iterable[str]
) -> dict[str, Any]:
    """Options of format ``name``: what of ``common`` was asked for and the format has, then ``FORMAT.KEY=VALUE``."""
    fields, chosen = set(fields), list(chosen)
    asked = {key: value for key, value in common.items() if value is not None}
    if lacking := sorted(set(asked) - fields - {"env"}):
        raise DiffOptError(f"format '{name}' has no option {', '.join(lacking)}; leave it out, or export it alone")
    options = {key: value for key, value in asked.items() if key in fields}
    for setting in settings:
        path, equals, text = setting.partition("=")
        owner, dot, key = path.partition(".")
        if not (equals and dot and key):
            raise DiffOptError(f"--set {setting}: expected FORMAT.KEY=VALUE, such as bvh.names=mixamo")
        if owner not in chosen:
            raise UnknownName("format in --set", owner, chosen)
        if owner == name:
            options[key] = _value(text)
    return options


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
