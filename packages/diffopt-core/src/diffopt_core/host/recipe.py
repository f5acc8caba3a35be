"""Recipes: an experiment as data. TOML with ``extends``, resolved once into a frozen, checked model. No torch.

Precedence, weakest first: defaults of the models below, ``extends``, the recipe, role flags (``--prior mdm``),
``--set key.path=value``. A role that changes its plugin drops the old plugin's options.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..common.documents import read_toml
from ..errors import DiffOptError, UnknownName, nearest, reading
from ..plugin import KINDS
from .recipe_spec import (
    ROLES,
    BlockSpec,
    CameraSpec,
    DrawsSpec,
    InputSpec,
    PlaceSpec,
    Recipe,
    RoleSpec,
    ScaleSpec,
    StageSpec,
    role,
)

__all__ = [
    "ROLES",
    "BlockSpec",
    "CameraSpec",
    "DrawsSpec",
    "InputSpec",
    "PlaceSpec",
    "Recipe",
    "RoleSpec",
    "ScaleSpec",
    "StageSpec",
    "assign",
    "difference",
    "lay",
    "load",
    "merge",
    "parse",
    "role",
    "setting",
]


#: Flag names of roles, if they differ from the role's name.
_BY_FLAG = {kind.flag.removeprefix("--"): kind.name for kind in KINDS.values() if kind.flag}


def load(name: str, known: Mapping[str, Path]) -> dict[str, Any]:
    """Raw table of a recipe by name or by ``.toml`` path, with its ``extends`` merged in."""
    return _load(name, known, ())


def _load(name: str, known: Mapping[str, Path], seen: tuple[str, ...]) -> dict[str, Any]:
    if name in seen:
        raise DiffOptError(f"recipe '{name}' extends itself: {' -> '.join((*seen, name))}")
    path = Path(name) if name.lower().endswith(".toml") else known.get(name)
    if path is None:
        raise UnknownName("recipe", name, known)
    table, base = read_toml(path), dict[str, Any]()
    with reading(path, "recipe"):
        parents = table.pop("extends", [])
        for parent in [parents] if isinstance(parents, str) else parents:
            base = merge(base, _load(parent, known, (*seen, name)))
        merged = merge(base, table)
        _check_blocks(table, merged, str(path))
        return merged


def _check_blocks(own: Mapping[str, Any], merged: Mapping[str, Any], source: str) -> None:
    """Raise UnknownName if ``own`` gives keys of a block that its stage does not run.

    Blocks that ``own`` does not name may be left over from a recipe that it extends.
    """
    stages: Any = own.get("stage")
    for stage, keys in stages.items() if isinstance(stages, Mapping) else ():
        listed: Any = merged["stage"][stage].get("blocks") if isinstance(keys, Mapping) else None
        for name, value in keys.items() if isinstance(listed, list | tuple) else ():
            if isinstance(value, Mapping) and name not in (*listed, *StageSpec.model_fields):
                known = [f"stage.{stage}.{block}" for block in listed]
                raise UnknownName(f"block of {source}", f"stage.{stage}.{name}", known)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge ``over`` into ``base``. Tables merge, everything else is replaced; a role that changes its component drops
    the old options."""
    out = _lay(base, {key: value for key, value in over.items() if key not in ROLES})
    for key in ROLES.keys() & over.keys():
        old = role(out.get(key, Recipe.model_fields[key].default))
        new = role(over[key], default=old["name"])
        kept = old["options"] if new["name"] == old["name"] else {}
        out[key] = {"name": new["name"], "options": {**kept, **new["options"]}}
    return out


def _lay(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge plain tables key by key."""
    out = deepcopy(dict(base))
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(out.get(key), Mapping)
        out[key] = _lay(out[key], value) if both else deepcopy(value)
    return out


def assign(table: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Apply settings in command-line form, ``key.path=value``, to a table."""
    return lay(table, map(setting, settings))


def setting(text: str) -> tuple[str, Any]:
    """Split ``key.path=value``; the value is parsed as TOML, or else taken as a plain string."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise DiffOptError(f"--set {text}: expected key.path=value")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


def lay(table: Mapping[str, Any], settings: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Apply dotted keys to a table. A role may be written as its flag (``repr.hidden``, ``init.file``). Components are
    set before their options, whatever the order of the settings."""
    paths = [(key.split("."), str(value) if isinstance(value, Path) else value) for key, value in settings]
    paths = [([_BY_FLAG.get(first, first), *rest], value) for (first, *rest), value in paths]
    out, own = dict(table), dict[str, Any]()
    for path, value in sorted(paths, key=lambda item: item[0][0] not in ROLES or item[0][1:] not in ([], ["name"])):
        patch: Any = value
        for part in reversed(path):
            patch = {part: patch}
        out, own = merge(out, patch), _lay(own, patch)
    _check_blocks(own, out, "the settings")
    return out


def parse(table: Mapping[str, Any], source: str = "recipe") -> Recipe:
    """Validate a merged table. Raises DiffOptError: one line that names the wrong key and the nearest known one."""
    with reading(source, "recipe"):
        try:
            return Recipe.model_validate(dict(table))
        except ValidationError as error:
            first = error.errors()[0]
            where = _dotted(first["loc"]) or "recipe"
            if first["type"] == "extra_forbidden":
                raise UnknownName(f"key of {source}", where, _known_keys(first["loc"])) from error
            message = first["msg"].removeprefix("Value error, ")
            if first["type"] == "missing" and first["loc"][::2] == ("stage", "blocks"):  # a stage of that name is new
                message += f".{nearest(str(first['loc'][1]), {*table['stage']} - {first['loc'][1]})}"
            if first["type"] == "model_type" and (keys := _known_keys((*first["loc"], ""))):
                message = f"is {first['input']!r}; it has keys of its own: {', '.join(keys)}"
            raise DiffOptError(f"{source}: {where}: {message}") from error


def _known_keys(loc: tuple[int | str, ...]) -> list[str]:
    """Dotted names of the keys allowed at ``loc``."""
    model: Any = Recipe
    if len(loc) >= 2 and loc[0] == "stage":
        model = BlockSpec if len(loc) > 3 else StageSpec
    elif len(loc) == 2 and loc[0] in Recipe.model_fields:
        model = Recipe.model_fields[str(loc[0])].annotation
    prefix = _dotted(loc[:-1])
    return [f"{prefix}.{name}" if prefix else name for name in getattr(model, "model_fields", {}) if name != "block"]


def _dotted(loc: tuple[int | str, ...]) -> str:
    """A location as the user wrote it (blocks are keys of their stage)."""
    parts = [str(part) for part in loc]
    if len(parts) > 2 and parts[0] == "stage" and parts[2] == "block":
        del parts[2]
    return ".".join(parts)


def difference(a: Mapping[str, Any], b: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any, Any]]:
    """Leaves in which two resolved recipes differ: dotted key, value in ``a``, value in ``b``."""
    rows: list[tuple[str, Any, Any]] = []
    for key in sorted(set(a) | set(b)):
        left, right, name = a.get(key), b.get(key), f"{prefix}{key}"
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            rows += difference(left, right, f"{name}.")
        elif left != right:
            rows.append((name, left, right))
    return rows
