"""Write a resolved recipe as TOML that ``tomllib`` reads back. None has no TOML and is left out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")


def dumps(table: Mapping[str, Any]) -> str:
    """Keys with plain values first, then each table under its header."""
    return "\n".join(_table(table, ())).strip() + "\n"


def literal(value: Any) -> str:
    """One value on one line."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str | PurePath):
        return _quoted(str(value))
    if isinstance(value, list | tuple | set | frozenset):
        return "[" + ", ".join(literal(item) for item in value if item is not None) + "]"
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(k)} = {literal(v)}" for k, v in value.items() if v is not None)
        return f"{{ {pairs} }}" if pairs else "{}"
    raise TypeError(f"no TOML for {type(value).__name__}")


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    plain = {k: v for k, v in table.items() if v is not None and not (isinstance(v, Mapping) and _wants_header(v))}
    nested = {k: v for k, v in table.items() if isinstance(v, Mapping) and _wants_header(v)}
    lines = [f"{_key(key)} = {literal(value)}" for key, value in plain.items()]
    if path and (lines or not nested):
        lines = [f"[{'.'.join(_key(part) for part in path)}]", *lines, ""]
    elif lines:
        lines.append("")
    for key, value in nested.items():
        lines += _table(value, (*path, key))
    return lines


def _wants_header(value: Mapping[str, Any]) -> bool:
    """Small tables of plain values stay on one line, as people write them."""
    flat = not any(isinstance(item, Mapping) and item for item in value.values())
    return not (flat and len(literal(value)) < 90)


def _key(key: str) -> str:
    return key if _BARE.match(key) else _quoted(key)


def _quoted(text: str) -> str:
    """JSON's escapes are TOML's, but for one control character that JSON lets pass."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
