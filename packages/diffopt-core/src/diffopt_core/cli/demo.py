"""``diffopt demo``: the whole method on a clip that ships with the package."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from .. import voice
from ..options import Device
from .choice import Choice, chooses

NAME = "demo"
PANEL = "Recover motion"

_RECIPE = "best"
_STORY = """A person sets off and walks round a bend; a hand-held camera follows.
Keypoints, first poses and the camera's path are noisy, the path's scale is unknown.
DiffOpt recovers the walk in metres:"""


@partial(chooses, recipe=_RECIPE)
def command(
    choice: Choice,
    out: Annotated[Path, typer.Option("--out", "-o", help="Result folder.")] = Path("runs/demo"),
    device: Device = "auto",
    seed: Annotated[int, typer.Option("--seed", help="Seed of the simulated evidence and of the run.")] = 0,
    picture: Annotated[bool, typer.Option("--picture/--no-picture", help="Draw picture.png.")] = True,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write report.html.")] = True,
) -> int:
    """See it work: simulate a moving camera around an embedded motion, recover it, score it.

    No download, no licence to sign, no GPU needed. Writes case, truth, motion, run file, picture and report.
    """
    from ..datasets.case_file import write_case
    from ..demo_motion import demo_case
    from ..folder import ResultFolder
    from ..run import Run
    from .console import err
    from .solving import finish, solve

    registry = choice.registry()
    recipe = choice.resolve(registry, _RECIPE)
    ResultFolder(out).check("", overwrite=True)
    if not voice.quiet():
        err.print(_STORY, highlight=False)
    # The case stays beside its result, so that `diffopt run runs/demo/run.json` finds it.
    case = out / "demo.npz"
    write_case(case, *demo_case(seed))
    run = Run((case,), recipe, registry, out, seed, device, overwrite=True)
    return finish(run, solve(run), picture, report)
