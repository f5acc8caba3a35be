"""Components and commands of this package."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from diffopt_core.plugin import Component, command_group, hookimpl

if TYPE_CHECKING:
    import typer


@hookimpl
def diffopt_components() -> Iterable[Component]:
    """Two small priors."""
    return [
        Component(
            "prior", "smooth", "diffopt_smplify.priors:SmoothConfig", "penalises linear and angular acceleration"
        ),
        Component("prior", "gmm", "diffopt_smplify.priors:GmmConfig", "mixture of Gaussian poses, as in SMPLify"),
    ]


@hookimpl
def diffopt_commands(app: typer.Typer) -> None:
    """``diffopt train gmm``."""
    from diffopt_smplify.command import train

    command_group(app, "train").command("gmm")(train)
