"""``diffopt export``: convert a result on disk to other formats."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from diffopt_core.common.console import fail
from diffopt_core.common.options import Plugins, commas, output
from diffopt_core.common.words import counted, plural
from diffopt_core.errors import DiffOptError, MissingResource, UnknownName
from diffopt_core.host.completion import component, words

if TYPE_CHECKING:
    from diffopt_core.host.registry import Registry
    from diffopt_core.types import Result


_motion = partial(typer.Option, rich_help_panel="Motion")
_TO = typer.Option(
    "--to", "-t", metavar="FORMAT,…", help="glb, bvh, amass, usd, csv, trc, fbx; or all.",
    autocompletion=component("exporter", many=True),
)  # fmt: skip
_FEET = _motion(
    metavar="auto|always|never|ground",
    help="Lock feet in contact (auto: low and slow; always: low), "
    "leave them (never), or only set the clip on the floor (ground).",
    autocompletion=words(("auto", "always", "never", "ground")),
)


def export(
    source: Annotated[
        Path, typer.Argument(metavar="RESULT", help="Result folder, its motion.npz, or a motion file (FILE.npz#clip).")
    ],
    to: Annotated[str, _TO] = "glb",
    out: Annotated[
        Path | None,
        output("--out", "-o", help="Folder; default: the result's; of a shard's, or a motion file, exports/<clip>."),
    ] = None,
    fps: Annotated[float | None, _motion(help="Frames per second, 0.5 to 240.")] = None,
    up: Annotated[str | None, _motion(metavar="y|z", help="Vertical axis.", autocompletion=words(("y", "z")))] = None,
    unit: Annotated[
        str | None, _motion(metavar="m|cm", help="Unit of length.", autocompletion=words(("m", "cm")))
    ] = None,
    trim: Annotated[
        bool, _motion("--trim", help="Leave out the frames before the person appears and after the person left.")
    ] = False,
    origin: Annotated[bool, _motion("--origin", help="Start at the origin, facing forward.")] = False,
    feet: Annotated[str | None, _FEET] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FORMAT.KEY=VALUE", help="Any option of a format, e.g. bvh.names=mixamo."),
    ] = None,
    env: Annotated[
        str | None, typer.Option(metavar="uv|PATH", help="Environment with Blender's module bpy, for fbx.")
    ] = None,
    plugins: Plugins = None,
) -> int:
    """Write a result as GLB, BVH, AMASS, USD, CSV, TRC or FBX.

    Without options, the motion is exported unchanged, frame by frame. `diffopt show exporter NAME` lists more options.

    Example: diffopt export runs/demo --to glb,bvh (after diffopt demo)
    """
    from diffopt_core.host.registry import Registry

    from diffopt_exports.files import write_together

    registry = Registry.load(plugins or ())
    names = formats(to, registry.components["exporter"])
    common = {
        "fps": fps,
        "up": up,
        "unit": unit,
        "unseen": "trim" if trim else None,
        "origin": origin or None,
        "feet": feet,
    }
    fields = {name: registry.config_class("exporter", name).model_fields for name in names}
    exporters, lacking = _built(registry, options_of(common, settings or (), fields), env)
    result, folder = _read(source, out)
    written, failed = write_together(result, exporters, folder)
    lacking |= failed
    _tell(written, lacking, folder, result)
    for error in lacking.values():
        fail(str(error))
    if lacking:
        fail(f"{len(lacking)} of {counted(len(names), 'format')} {plural(len(lacking), 'is')} not written: "
             f"{', '.join(lacking)}; the others are in {folder}")  # fmt: skip
    return int(bool(lacking))


def _built(
    registry: Registry, options: dict[str, dict[str, Any]], env: str | None
) -> tuple[dict[str, Any], dict[str, DiffOptError]]:
    """Build every exporter before the result is read, so that a misspelt option fails early. Also the formats that need
    what is not there, with the error; if it is all of them, that of the first is raised."""
    ctx = registry.context(env=env)
    built, lacking = dict[str, Any](), dict[str, DiffOptError]()
    for name, own in options.items():
        try:
            built[name] = ctx.build("exporter", name, own)
        except MissingResource as error:
            lacking[name] = error
    if not built:
        raise next(iter(lacking.values()))
    return built, lacking


def _read(source: Path, out: Path | None) -> tuple[Result, Path]:
    from diffopt_core.results.saved import place_beside, read_result

    result = read_result(source)
    return result, out or place_beside(source, result.clip.name)


def _tell(written: dict[str, list[Path]], lacking: Mapping[str, DiffOptError], folder: Path, result: Result) -> None:
    from diffopt_core.common.output import answer, say
    from diffopt_core.parts.assumed import MARK

    told = {name: _beside(files) for name, files in written.items()}
    rows = {name: {"files": [str(f) for f in files], "facts": told[name]} for name, files in written.items()}
    failed = {name: str(error) for name, error in lacking.items()}
    answer({"clip": result.clip.name, "folder": str(folder), "formats": rows, "failed": failed})
    for name, files in written.items():
        facts = told[name]
        mark = f" {MARK}" if MARK in str(facts.get("scale", "")) else ""
        size = files[0].stat().st_size
        line = f"{files[0]}  {size / 1e6:.2f} MB" if size > 5e4 else f"{files[0]}  {size / 1e3:.1f} kB"
        if "frames" in facts:
            line += f", {facts['frames']} frames at {facts['fps']:g} fps, {facts.get('axes', '')}"
            line += f", {facts['unit']}{mark}" if facts.get("unit") else ""
        say(line.rstrip(", "))
    feet = next((facts["feet"] for facts in told.values() if "feet" in facts), None)
    if feet is not None:
        guessed = any(MARK in str(facts.get("scale", "")) for facts in told.values())
        parts = [f"{key.replace('_', ' ')} {value}" for key, value in feet.items()]
        say("feet: " + ", ".join(parts) + (f"; all lengths {MARK}" if guessed else ""))


def _beside(files: list[Path]) -> dict[str, Any]:
    """The JSON file beside an exported file of this package."""
    import json

    beside = [file for file in files if file.name == f"{files[0].name}.json"]
    return json.loads(beside[0].read_text()) if beside else {}


#: In the order shown by ``diffopt export``.
FORMATS = ("glb", "bvh", "amass", "usd", "csv", "trc", "fbx")


def formats(to: str, known: Iterable[str]) -> list[str]:
    """``glb,bvh`` or ``all`` (of this package) as names, without duplicates. ``known``: all registered exporters,
    including other plugins'."""
    names = list(dict.fromkeys(each for name in commas(to) for each in (FORMATS if name == "all" else (name,))))
    if not names:
        raise DiffOptError(f"--to {to!r}: expected format names, such as glb,bvh")
    for name in names:
        if name not in known:
            raise UnknownName("format", name, known)
    return names


def options_of(
    common: Mapping[str, Any], settings: Iterable[str], fields: Mapping[str, Collection[str]]
) -> dict[str, dict[str, Any]]:
    """Options of each format: the given ``common`` options, then ``FORMAT.KEY=VALUE``. ``fields``: format -> its
    options. Raises DiffOptError for an option that a format does not have."""
    from diffopt_core.host.recipe import assign

    asked = {key: value for key, value in common.items() if value is not None}
    own = assign({}, settings)
    for name, value in own.items():
        if not isinstance(value, Mapping):
            raise DiffOptError(f"--set {name}: expected FORMAT.KEY=VALUE, such as bvh.names=mixamo")
        if name not in fields:
            raise UnknownName("format in --set", name, fields)
    for name, known in fields.items():
        if lacking := sorted(set(asked) - set(known)):
            raise DiffOptError(
                f"format '{name}' has no option {', '.join(lacking)}; "
                "omit the option, or export the other formats separately"
            )
    return {name: {**asked, **own.get(name, {})} for name in fields}
