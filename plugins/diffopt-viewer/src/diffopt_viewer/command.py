"""``diffopt view``: view results in the browser."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from diffopt_core.common.options import Results

if TYPE_CHECKING:
    from diffopt_core.types import Result

log = logging.getLogger(__name__)
_server = partial(typer.Option, rich_help_panel="Server")


def view(
    sources: Results,
    truth: Annotated[bool, typer.Option(help="Show the ground truth of the clip.")] = True,
    dark: Annotated[bool, typer.Option("--dark", help="Dark colours.")] = False,
    host: Annotated[str | None, _server(help="Address to listen on; default 127.0.0.1, this machine only.")] = None,
    port: Annotated[int | None, _server(min=1, max=65535, help="Default: the first free from 8080.")] = None,
    browser: Annotated[
        bool | None, _server("--open/--no-open", help="Open a browser; default: if there is a display.")
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write one standalone page and exit.", rich_help_panel="Output"),
    ] = None,
) -> int:
    """View results in 3D: body, path, camera, keypoints, ground truth; several side by side.

    Serves a page to the browser until Ctrl-C. No file is changed, and no data leaves this machine.

    Example: diffopt view runs/demo (after diffopt demo)
    """
    from diffopt_core.results.saved import read_result

    results = [read_result(source, truth=truth) for source in sources]
    if page is not None:
        return _write(results, page, dark, truth)
    return _serve(results, {"host": host, "port": port, "open": browser, "dark": dark, "truth": truth})


def _write(results: list[Result], page: Path, dark: bool, truth: bool) -> int:
    from diffopt_core.common.output import answer, say
    from diffopt_core.common.progress import shown, terminal_bar
    from diffopt_core.errors import DiffOptError

    from diffopt_viewer.recording import record

    if page.is_dir():
        raise DiffOptError(f"--html {page}: is a folder; give a file name")
    with shown(terminal_bar):
        record(results, page, dark, truth)
    size = page.stat().st_size
    answer({"html": page, "bytes": size, "results": [result.clip.name for result in results]})
    say(f"wrote {page}, {size / 1e6:.1f} MB")
    return 0


def _serve(results: list[Result], options: dict) -> int:
    import sys
    from contextlib import suppress

    from diffopt_core.common.output import answer, deliver, say
    from diffopt_core.host.registry import Registry

    asked = {key: value for key, value in options.items() if value is not None}
    viewer = Registry.load().context().build("viewer", "viser", asked)
    try:
        viewer.show(results)
        answer({"url": viewer.where, "results": [result.clip.name for result in results]})
        deliver()
        with suppress(KeyboardInterrupt):
            say(f"{viewer.where}  (Ctrl-C ends)")
            sys.stdout.flush()
            wait()
    finally:
        viewer.close()
    return 0


def wait() -> None:
    """Block until interrupted."""
    import time

    while True:
        time.sleep(3600)
