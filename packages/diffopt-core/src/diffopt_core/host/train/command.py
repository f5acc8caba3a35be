"""``diffopt train NAME``: the common flags, and flags for the training's own settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from .settings import Limits, TrainingSettings

if TYPE_CHECKING:
    from torch import Tensor

    from .shards import Clips
    from .trainer import NetworkTraining


@dataclass(frozen=True)
class Asked:
    """Values of the flags. ``checkpoint``: of the run to resume, if any; ``start_from``: weights of another run to
    start from."""

    data: Path
    settings: Any
    checkpoint: Path | None
    exclude: tuple[str, ...]
    skeleton: Path
    start_from: Path | None = None

    def clips(self) -> Clips:
        """The shards to train on. Raises BadInput."""
        from . import shards

        return shards.read(shards.find(self.data, validation=False, exclude=self.exclude))

    def held_out(self) -> list[Path]:
        """The validation shards that are not excluded."""
        from . import shards

        return shards.find(self.data, validation=True, exclude=self.exclude)

    def offsets(self) -> Tensor:
        """Rest offsets ``[24 3]``, m. Raises BadInput."""
        from . import shards

        return shards.read_offsets(self.skeleton)


def training_command(
    settings: type[TrainingSettings], begin: Callable[..., NetworkTraining], text: str, export_minutes: float,
    starts: bool = False, devices: bool = False, **more: tuple[int, str],
) -> Callable[..., None]:  # fmt: skip
    """Create the command of a training. ``begin(asked, **more)`` creates the training; ``text``: the command's help.

    Its flags are those of :func:`_common`, the fields of ``settings`` created by :func:`option`, and ``more``: name ->
    default and help of an integer. ``export_minutes``: default of that flag; ``starts``: whether there is ``--from``;
    ``devices``: whether there is ``--device``.
    """
    common = inspect.signature(_common, eval_str=True).parameters
    own = _flags_of(settings)
    offered = {"start_from": starts, "device": devices}
    flags = {name: p.replace(kind=p.KEYWORD_ONLY) for name, p in common.items() if offered.get(name, True)}
    flags["export_minutes"] = flags["export_minutes"].replace(default=export_minutes)
    flags |= own | {name: _flag(name, int, default, help_) for name, (default, help_) in more.items()}

    def train(**given: Any) -> None:
        from .loop import run

        made = settings(**{name: given[name] for name in own})
        checkpoint = given["out"] / "checkpoint.pt"
        asked = Asked(
            given["data"], made, checkpoint if given["resume"] and checkpoint.is_file() else None,
            tuple(given["exclude"] or ()), given["skeleton"] or given["data"] / "skeleton.json",
            given.get("start_from"),
        )  # fmt: skip
        limits = Limits(given["steps"], given["minutes"], given["finish"], given["export_minutes"])
        training = begin(asked, **{name: given[name] for name in more})
        if devices:
            from ..provenance import device

            training.to(device(given["device"]))
        run(training, given["out"], limits, given["export_to"])

    train.__doc__ = text
    train.__signature__ = inspect.Signature(list(flags.values()))  # type: ignore[attr-defined]
    train.__annotations__ = {name: flag.annotation for name, flag in flags.items()}
    return train


def _flags_of(settings: type) -> dict[str, inspect.Parameter]:
    hints, chosen = get_type_hints(settings), [f for f in fields(settings) if "help" in f.metadata]
    return {f.name: _flag(f.name, hints[f.name], f.default, f.metadata["help"]) for f in chosen}


def _flag(name: str, kind: Any, default: Any, text: str) -> inspect.Parameter:
    annotation = Annotated[kind, typer.Option(help=text)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _common(
    data: Annotated[Path, typer.Option(help="Folder of motion shards (*.npz), read recursively.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint.pt, log.jsonl, curves.png and NAME.safetensors.")],
    steps: Annotated[int | None, typer.Option(help="Stop at this step; the rate decays over the last fifth.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop after this many minutes, without decay.")] = None,
    finish: Annotated[int | None, typer.Option(help="Run this many steps more, decaying the rate to zero.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from OUT/checkpoint.pt.")] = False,
    start_from: Annotated[Path | None, typer.Option("--from", help="Start from the network of this file.")] = None,
    export_to: Annotated[Path | None, typer.Option("--export", help="Also export to this .safetensors file.")] = None,
    export_minutes: Annotated[float, typer.Option(help="Evaluate and export this often.")] = 15.0,
    exclude: Annotated[list[str] | None, typer.Option(help="Leave out shards whose path holds this word.")] = None,
    skeleton: Annotated[Path | None, typer.Option(help="skeleton.json; default DATA/skeleton.json.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda[:N].")] = "cpu",
) -> None: ...
