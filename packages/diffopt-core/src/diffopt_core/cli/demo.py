"""``diffopt demo``: the whole method on a clip that ships with the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..common import output as voice
from ..common.options import Device, Picture, Report
from ..host.choice import Choice
from .choice import chooses

if TYPE_CHECKING:
    from ..host.registry import Registry

NAME = "demo"
PANEL = "Recover motion"

FOLDER = Path("runs/demo")
_STORY = """A person sets off and walks round a bend; a hand-held camera follows.
Keypoints, initial poses and camera path are noisy; the scale of the path is unknown.
DiffOpt recovers the walk in metres:"""


@chooses
def command(
    choice: Choice,
    out: Annotated[Path, typer.Option("--out", "-o", help="Result folder.")] = FOLDER,
    device: Device = "auto",
    seed: Annotated[int, typer.Option("--seed", help="Seed of the simulated evidence and of the run.")] = 0,
    picture: Picture = True,
    report: Report = True,
) -> int:
    """Demonstration: simulate a moving camera around an embedded motion, recover the motion, score it.

    No download, no licence to sign, no GPU needed. Writes case, truth, motion, run file, picture and report.

    Example: diffopt demo
    """
    from ..common.console import err
    from ..results.recover import run_of
    from .solving import drawn, finish, solve

    registry = choice.registry()
    case = demonstration(choice, registry, out, seed, device, overwrite=True)
    if not voice.quiet():
        err.print(_STORY, highlight=False)
    run = drawn(run_of(choice, [case], registry, out, seed=seed, device=device, overwrite=True), picture, report)
    return finish(run, solve(run))


def demonstration(choice: Choice, registry: Registry, out: Path, seed: int, device: str, overwrite: bool) -> Path:
    """Write the clip as a case file beside its result, where `diffopt run runs/demo/run.json` finds it. Errors that can
    be detected are raised before anything is written."""
    from ..host.provenance import device as find_device
    from ..parts.demo_motion import write_demo
    from ..results.folder import ResultFolder

    choice.resolve(registry)
    find_device(device)
    case = out / "demo.npz"
    ResultFolder(out).check("", overwrite or case.is_file())
    return write_demo(case, seed)
