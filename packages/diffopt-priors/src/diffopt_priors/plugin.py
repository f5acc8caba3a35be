"""Components, weights and commands of this package."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from diffopt_core.plugin import Component, WeightFile, command_group, hookimpl, run_against

if TYPE_CHECKING:
    import typer


@hookimpl
def diffopt_components() -> Iterable[Component]:
    """The priors of this package."""
    return [
        Component("prior", name, f"diffopt_priors.configs:{config}", summary, upstream=run_against(*of))
        for name, config, summary, of in (
            ("mdm", "MDMConfig", "motion diffusion model, score distillation", ("MDM", "d4fd88c")),
            (
                "vposer",
                "VPoserConfig",
                "variational autoencoder of single poses, likelihood or latent code",
                ("VPoser", "78c86ea"),
            ),
            (
                "humor",
                "HuMoRConfig",
                "conditional variational autoencoder of transitions, with contacts (HuMoR)",
                ("HuMoR", "fc6ef84"),
            ),
        )
    ]


@hookimpl
def diffopt_weights() -> Iterable[WeightFile]:
    """Published weights that the priors of this package can read."""
    from .cards import WEIGHTS

    return WEIGHTS


@hookimpl
def diffopt_commands(app: typer.Typer) -> None:
    """Trainings and their shards, imports, ``sample mdm``, ``calibrate prior``, ``prior-report``."""
    from diffopt_priors.report.calibrate import calibrate
    from diffopt_priors.report.command import NAME, PANEL, prior_report, sample_mdm
    from diffopt_priors.train.commands import import_humor, import_mdm, train_humor, train_mdm, train_vposer
    from diffopt_priors.train.shards import train_shards

    group = command_group(app, "train")
    group.command("mdm")(train_mdm)
    group.command("vposer")(train_vposer)
    group.command("humor")(train_humor)
    group.command("shards")(train_shards)
    group.command("import-mdm")(import_mdm)
    group.command("import-humor")(import_humor)
    command_group(app, "calibrate").command("prior")(calibrate)
    command_group(app, "sample").command("mdm")(sample_mdm)
    app.command(NAME, rich_help_panel=PANEL)(prior_report)
