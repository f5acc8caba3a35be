"""Inputs of a run of many: files, folders, patterns, manifests and addresses, each with a key; and jobs of them."""

from __future__ import annotations

import csv
import glob
import hashlib
import io
import json
import math
import os
import re
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

from ..common.storage import fetched, is_address, is_pattern, listed
from ..errors import BadInput, DiffOptError, MissingResource, nearest, reading
from ..host.choice import INPUT_FLAGS, Choice
from ..host.recipe import Recipe, setting
from ..host.registry import Registry
from ..perception.finding import expand

MANIFESTS = (".csv", ".parquet")
#: Columns of a manifest that are no options.
_OWN = ("path", "key", "length")


@dataclass(frozen=True)
class Input:
    """``key``: its name among the results, for a cell of a grid below its row and seed. ``path``: a path or an address.
    ``options``: flags of ``input`` and dotted keys of the recipe. ``length``: frames, if the manifest says so; inputs
    of like length come into one job. ``stamp``: what changes with the file. ``mark``: digest of the input and of what
    is done with it, by which its result is known."""

    key: str
    path: str
    options: tuple[tuple[str, str], ...] = ()
    length: int = 0
    stamp: str = ""
    mark: str = ""

    @property
    def name(self) -> str:
        """Of its clip."""
        return self.key.rpartition("/")[2]


def is_many(texts: Sequence[str]) -> bool:
    """Whether these need more than a list of files: a manifest, a pattern or an address."""
    return any(is_address(text) or is_manifest(text) or _is_glob(text) for text in texts)


def is_manifest(text: str) -> bool:
    return PurePosixPath(text).suffix.lower() in MANIFESTS


def _is_glob(text: str) -> bool:
    return is_pattern(text) and not os.path.exists(text)


def inputs_of(texts: Sequence[str], registry: Registry, recipe: Recipe) -> list[Input]:
    """All inputs, each with a key of its own. Raises BadInput for a manifest that cannot be used, or for nothing."""
    found: list[Input] = []
    for text in texts:
        if is_manifest(text):
            found += _rows(text)
        elif is_address(text):
            found += [Input("", name, stamp=stamp) for name, stamp in listed(text).items()]
        elif _is_glob(text):
            names = sorted(glob.glob(text, recursive=True))
            if not names:
                raise BadInput(text, "pattern", "matches no file")
            found += [Input("", name) for name in names]
        else:
            found += [Input("", str(path)) for path in expand([Path(text)], registry, recipe, shots=False)]
    if not found:
        raise DiffOptError(f"{', '.join(texts)}: no input")
    return keyed(found)


def _rows(manifest: str) -> list[Input]:
    """Rows of a manifest: ``path`` (relative to the manifest), ``key``, ``length``, and options."""
    file = fetched(manifest) if is_address(manifest) else Path(manifest)
    with reading(manifest):
        table = _parquet(file) if file.suffix.lower() == ".parquet" else _csv(file)
    if not table:
        raise BadInput(manifest, "rows", "there are none; expected a line of columns (path, and options) and a row for "
                       "each input")  # fmt: skip
    known = set(INPUT_FLAGS) | set(_OWN)
    unknown = [name for name in table[0] if name not in known and "." not in name]
    if "path" not in table[0]:
        near = next((name for name in unknown if nearest(name, ["path"])), None)
        how = f"; is it '{near}'?" if near else ""
        how = "; columns are separated by commas" if any(c in name for name in unknown for c in ";\t|") else how
        raise BadInput(manifest, "path", f"no such column among {', '.join(map(repr, table[0]))}{how}")
    if unknown:
        said = f"is no column.{nearest(unknown[0], known)} Known: {', '.join(sorted(known))}"
        raise BadInput(manifest, unknown[0], f"{said}, and keys of a recipe with a dot, such as prior.strength")
    home = manifest.rpartition("/")[0]
    rows = []
    for number, row in enumerate(table, 1):
        if not (path := row["path"]):
            raise BadInput(manifest, "path", f"row {number} has none")
        for name in ("fps", "resample"):
            _number(manifest, name, row.get(name) or "0")
        if not (is_address(path) or os.path.isabs(path)) and home:
            path = f"{home}/{path}"
        options = tuple((name, value) for name, value in row.items() if name not in _OWN and value)
        length = _number(manifest, "length", row.get("length") or "0")
        rows.append(Input(row.get("key", ""), path, options, int(length)))
    return rows


def _number(manifest: str, column: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise BadInput(manifest, column, f"is '{value}'; expected a number")
    return number


def _csv(file: Path) -> list[dict[str, str]]:
    rows = csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig")))
    table = []
    for number, row in enumerate(rows, 2):
        if None in row:
            raise BadInput(file, f"line {number}", f"has more cells than the {len(rows.fieldnames or ())} columns")
        table.append({str(name).strip(): (value or "").strip() for name, value in row.items()})
    return table


def _parquet(file: Path) -> list[dict[str, str]]:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingResource(
            f"{file}: a parquet manifest needs pyarrow: uv pip install 'diffopt-core[parquet]'"
        ) from error
    rows = parquet.read_table(file).to_pylist()
    return [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]


def keyed(found: Sequence[Input]) -> list[Input]:
    """Give every input its stamp, and a key that is a plain name: its own, the file's, or with its folders where two
    are equal; with a digest of what was not plain, of the file's name or of its path where two still are."""
    keys = [each.key or _stem(each.path) for each in found]
    for depth in (2, 3, 4):
        twice = {key for key, count in Counter(keys).items() if count > 1}
        if not twice:
            break
        keys = [
            "_".join([*PurePosixPath(each.path).parts[-depth:-1], _stem(each.path)]) if key in twice and not each.key
            else key for key, each in zip(keys, found, strict=True)
        ]  # fmt: skip
    named, keys = keys, [_short(re.sub(r"[^\w-]+", "_", key) or "clip") for key in keys]
    for whole in (named, [PurePosixPath(each.path).name for each in found], [each.path for each in found]):
        twice = {key for key, count in Counter(keys).items() if count > 1}
        keys = [
            f"{key}_{_digest(name)[:6]}" if key in twice and name != key and (whole is named or not each.key) else key
            for key, name, each in zip(keys, whole, found, strict=True)
        ]
    if same := sorted(key for key, count in Counter(keys).items() if count > 1):
        first, other = [each.path for each, key in zip(found, keys, strict=True) if key == same[0]][:2]
        how = f"and {other} have the key '{same[0]}', so one result would replace the other"
        how = "is named twice" if first == other else how
        raise DiffOptError(f"{first} {how}; name each input once, or give them a column `key` in a manifest")
    return [replace(each, key=key, stamp=each.stamp or _stamp(each.path))
            for key, each in zip(keys, found, strict=True)]  # fmt: skip


def _short(key: str) -> str:
    """A key that leaves room for endings in a file's name, bytes."""
    return key if len(key.encode()) <= 160 else f"{key.encode()[:140].decode(errors='ignore')}_{_digest(key)}"


def _stem(path: str) -> str:
    file, mark, clip = path.rpartition("#")
    return clip if mark and file and not os.path.exists(path) else PurePosixPath(path).stem


def chosen(choice: Choice, options: Sequence[tuple[str, str]]) -> Choice:
    """The choice with the options of a manifest's row, which override the command's."""
    flags: dict[str, Any] = {}
    settings = list(choice.settings)
    for name, value in options:
        if name in INPUT_FLAGS:
            flags[name] = float(value) if name in ("fps", "resample") else value
        else:
            settings.append(setting(f"{name}={value}"))
    return replace(choice, settings=tuple(settings), **flags)


@dataclass(frozen=True)
class Portion:
    """The inputs of a job: what is solved together is among these, whoever solves it. ``ask``: what is done with them,
    as JSON. ``keys``: of those whose results are wanted; None: all."""

    number: int
    inputs: tuple[Input, ...]
    ask: dict[str, Any] = field(default_factory=dict, compare=False)
    keys: frozenset[str] | None = None

    @property
    def wanted(self) -> tuple[Input, ...]:
        return tuple(each for each in self.inputs if self.keys is None or each.key in self.keys)

    @property
    def part(self) -> str:
        """Name of what the job leaves; other inputs or settings have another."""
        told = [[each.mark for each in self.inputs], sorted(self.keys or ())]
        return f"{self.number:06d}-{_digest(told)}"

    def only(self, keys: frozenset[str], whole: bool) -> Portion:
        """For some of its inputs; ``whole``: the others are solved with them."""
        if len(keys) == len(self.inputs):
            return self
        if whole:
            return replace(self, keys=keys)
        return replace(self, inputs=tuple(each for each in self.inputs if each.key in keys))

    def singly(self) -> list[Portion]:
        """A job for each of its inputs whose results are wanted."""
        return [replace(self, inputs=(each,), keys=None) for each in self.wanted]

    def probes(self) -> list[Portion]:
        """A job for each of its inputs, whose results are not wanted."""
        return [replace(self, inputs=(each,), keys=frozenset()) for each in self.inputs]

    def without(self, keys: Collection[str]) -> Portion:
        return replace(self, inputs=tuple(each for each in self.inputs if each.key not in keys))


def portions(
    inputs: Sequence[Input], size: int, what: Any, ask: dict[str, Any] | None = None, first: int = 0
) -> list[Portion]:
    """Consecutive inputs with the same options, in the order of their lengths where the manifest gives them.
    ``what``: everything else that results depend on, as JSON data. ``first``: number of the first."""
    base = _digest(what)
    made: list[Portion] = []
    marked = [replace(each, mark=_digest([base, each.key, each.path, each.options, each.stamp])) for each in inputs]
    ordered = sorted(marked, key=lambda each: (each.options, each.length))
    for _, group in groupby(ordered, key=lambda each: each.options):
        members = list(group)
        for start in range(0, len(members), size):
            made.append(Portion(first + len(made), tuple(members[start : start + size]), ask or {}))
    return made


def _digest(what: Any) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _stamp(path: str) -> str:
    """Sizes and times of change of a file on this machine (of the files in a folder), and of the truth beside it: what
    has changed is another input."""
    file = path.rpartition("#")[0] if "#" in path and not os.path.exists(path) else path
    home, name = os.path.split(file)
    found: list[str] = []
    with suppress(OSError, ValueError):
        files = sorted(each.path for each in os.scandir(file) if each.is_file()) if os.path.isdir(file) else [file]
        for each in (*files, os.path.join(home, "truth", name)):
            about = os.stat(each)
            found.append(f"{about.st_size}@{about.st_mtime_ns}")
    return " ".join(found)
