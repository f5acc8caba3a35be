"""``diffopt open SHARD#KEY``: a result out of a shard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..common.console import say
from ..common.options import Picture, Report, output
from ..common.output import answer
from ..errors import BadInput, DiffOptError

NAME = "open"
PANEL = "Recover motion"


def command(
    source: Annotated[str, typer.Argument(metavar="SHARD#KEY", help="A shard, or its address, and a key.")],
    out: Annotated[Path | None, output("--out", "-o", help="Folder to write to; default runs/<key>.")] = None,
    picture: Picture = True,
    report: Report = True,
) -> int:
    """Take a result out of a shard, as the folder that `diffopt run` writes for one clip, with picture and report.

    Example: diffopt open runs/shard-00000.tar#walk
    """
    from ..results.shards import Packed

    packed = Packed.of(source)
    if packed is None:
        raise BadInput(source, "SHARD#KEY", "expected a .tar as `diffopt run --shards` writes it, # and a key")
    folder = out or Path("runs") / packed.name
    if folder.exists() and any(folder.iterdir()):
        raise DiffOptError(f"{folder}: is not empty; choose another folder with --out")
    packed.extract(folder)
    _drawn(folder, [name for name, wanted in (("picture", picture), ("report", report)) if wanted])
    files = sorted(path.name for path in folder.iterdir())
    answer({"folder": folder, "files": files})
    say(f"wrote {folder}: {', '.join(files)}; to see it: diffopt view {folder}")
    return 0


def _drawn(folder: Path, exporters: list[str]) -> None:
    """What shards leave out; only what installed plugins draw."""
    from ..host.registry import Registry
    from ..results.saved import read_result

    registry = Registry.load()
    if wanted := [name for name in exporters if name in registry.components["exporter"]]:
        result, ctx = read_result(folder, truth=True), registry.context()
        for name in wanted:
            ctx.build("exporter", name).export(result, folder)
