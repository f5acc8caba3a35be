"""``diffopt run --view``: a viewer beside the solve, and after it until somebody ends it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..common import voice
from ..common.console import note
from ..errors import MissingResource, UnknownName

if TYPE_CHECKING:
    from ..interfaces import Viewer
    from ..results.run import Run
    from ..types import Result

#: The viewer of ``--view``, and the package that has it.
VIEWER, PACKAGE = "viser", "diffopt-viewer"
#: Most results that are shown at once when all are done.
MOST = 6


@contextmanager
def viewed(run: Run, name: str | None) -> Iterator[Viewer | None]:
    """The viewer of that name while the run goes on, open before the solve; None where none is asked for."""
    if name is None:
        yield None
        return
    from ..results.run import context

    try:
        viewer = context(run).build("viewer", name)
    except UnknownName as error:
        if name != VIEWER:
            raise
        raise MissingResource(f"--view needs the viewer '{VIEWER}', a plugin: pip install {PACKAGE}") from error
    try:
        note(f"the solve is shown at {viewer.where}")
        yield viewer
    finally:
        viewer.close()


def stay(viewer: Viewer, run: Run, results: list[Result], wait: bool) -> None:
    """Show what came of it, until Ctrl-C if ``wait``. A clip of which nothing new was solved is read back."""
    shown = results or _kept(run)
    if not shown:
        return
    if len(shown) > MOST:
        note(f"the first {MOST} of {len(shown)} results are shown; diffopt view shows any")
    viewer.show(shown[:MOST])
    voice.deliver()
    if not wait:
        return
    note(f"shown at {viewer.where}; Ctrl-C ends (--no-wait does not stay)")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return


def _kept(run: Run) -> list[Result]:
    from ..results.saved import read_result

    folders = [run.folder(Path(name).stem) for name in run.inputs]
    return [read_result(folder, truth=True) for folder in folders[:MOST] if (folder / "run.json").is_file()]
