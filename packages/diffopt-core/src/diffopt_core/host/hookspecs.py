"""The hooks that the host calls. They fire at start-up and at most once a stage, never in the step loop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..plugin import Component, WeightFile, hookspec

if TYPE_CHECKING:
    import typer


@hookspec
def diffopt_components() -> Iterable[Component]:
    """Components that the plugin offers. The one hook for all registration."""


@hookspec
def diffopt_recipes() -> Mapping[str, Path]:
    """Recipes by name (``table5/raw``) and the TOML file of each."""


@hookspec
def diffopt_weights() -> Iterable[WeightFile]:
    """Files that components of the plugin need and that are not shipped: ``diffopt weights`` lists and fetches them."""


@hookspec
def diffopt_commands(app: typer.Typer) -> None:
    """Add commands to the ``diffopt`` command line. Import heavy modules inside the commands only."""


@hookspec
def diffopt_run_started(run: object) -> None:
    """A run begins; ``run`` is the :class:`diffopt_core.results.run.Run`."""


@hookspec
def diffopt_stage_finished(run: object, stage: str, log: object) -> None:
    """A stage ended; ``log.of_clip(0)`` maps each term's name to its values by step for the first clip."""


@hookspec
def diffopt_run_finished(run: object, result: object) -> None:
    """A run ended; ``result`` is the :class:`diffopt_core.types.Result`."""
