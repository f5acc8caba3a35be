"""What this package offers to the host."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from diffopt_core.plugin import Component, command_group, hookimpl

if TYPE_CHECKING:
    import typer


@hookimpl
def diffopt_components() -> Iterable[Component]:
    """Two priors that fit on a page."""
    return [
        Component("prior", "smooth", "diffopt_smplify.priors:SmoothConfig", "people accelerate and turn little"),
        Component("prior", "gmm", "diffopt_smplify.priors:GmmConfig", "mixture of Gaussian poses, as in SMPLify"),
    ]


@hookimpl
def diffopt_commands(app: typer.Typer) -> None:
    """``diffopt train gmm``."""
    from diffopt_smplify.command import train

    command_group(app, "train").command("gmm")(train)
