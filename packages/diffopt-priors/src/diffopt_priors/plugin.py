"""What this package offers to the host."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from diffopt_core.plugin import Component, hookimpl

if TYPE_CHECKING:
    import typer


@hookimpl
def diffopt_components() -> Iterable[Component]:
    """The priors of this package."""
    return [
        Component(
            "prior",
            "mdm",
            "diffopt_priors.mdm.config:MDMConfig",
            "motion diffusion model, score distillation",
        ),
    ]


@hookimpl
def diffopt_commands(app: typer.Typer) -> None:
    """``diffopt train mdm`` and ``diffopt train import-mdm``."""
    import typer

    from diffopt_priors.train.import_mdm import import_mdm
    from diffopt_priors.train.mdm import train

    group = typer.Typer(help="Train a prior on motion data, or import a published one.", no_args_is_help=True)
    group.command("mdm")(train)
    group.command("import-mdm")(import_mdm)
    app.add_typer(group, name="train")
