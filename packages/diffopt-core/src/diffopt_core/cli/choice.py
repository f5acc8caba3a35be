"""The flags that choose an experiment, shared by ``run``, ``demo``, ``check`` and ``recipe``.

The flags of roles come from the table of kinds, so a new role needs no change here.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from ..host import completion
from ..host.choice import FLAGS, INPUT_FLAGS, PAPER, Choice
from ..host.completion import Complete
from ..plugin import KINDS

#: Default of ``--recipe`` in the help.
DEFAULT = f"chosen by the evidence, else {PAPER}"
ROLE_PANEL = "Plugins by role"
RECIPE_PANEL = "Experiment"
INPUT_PANEL = "Input"
#: Roles whose components read result files of other systems.
FILE_ROLES = frozenset({"detector", "camera", "initializer"})
#: Values of ``scale.mode``; repeated here, so that the help does not import the recipe model.
SCALES = ("none", "distilled", "stance")


def chooses(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: replace the parameter ``choice`` of a command by the flags of this module."""
    own = inspect.signature(command, eval_str=True)
    flags = _parameters()

    @functools.wraps(command)
    def wrapper(**values: Any) -> Any:
        taken = {name: values.pop(name) for name in flags}
        return command(choice=_choice(taken), **values)

    kept = [p.replace(kind=p.KEYWORD_ONLY) for p in own.parameters.values() if p.name != "choice"]
    wrapper.__signature__ = inspect.Signature([*kept, *flags.values()])  # type: ignore[attr-defined]
    wrapper.__annotations__ = {p.name: p.annotation for p in (*kept, *flags.values())}
    return wrapper


def _choice(values: dict[str, Any]) -> Choice:
    from ..host.recipe import setting

    return Choice(
        recipe=values["recipe"],
        roles=tuple((role, values[role]) for role in FLAGS.values() if values[role] is not None),
        settings=tuple(setting(text) for text in values["settings"] or ()),
        plugins=tuple(values["plugins"] or ()),
        trust=values["trust"],
        scale=values["scale"],
        draws=values["draws"],
        **{name: values[name] for name in INPUT_FLAGS},
    )


def _parameters() -> dict[str, inspect.Parameter]:
    """The flags as keyword parameters, by name."""
    rows: dict[str, Any] = {
        "recipe": _flag(
            str, RECIPE_PANEL, f"Recipe to run, [dim]default: {DEFAULT}[/]; `diffopt recipe` lists them.",
            "--recipe", "-r", metavar="NAME|FILE.toml", complete=completion.recipe(),
        ),
        "settings": _flag(
            list[str], RECIPE_PANEL,
            "Set any key of the recipe, e.g. prior.timesteps='\\[0.02,0.5]'. Repeatable; overrides everything else.",
            "--set", metavar="KEY.PATH=VALUE",
        ),
        "fps": _flag(float, INPUT_PANEL, "Frame rate, if the file's is wrong (slow motion).", "--fps"),
        "frames": _flag(str, INPUT_PANEL, "Part of the clip.", "--frames", metavar="START:STOP"),
        "shot": _flag(
            int, INPUT_PANEL, "Which shot of a video with cuts, from 1, [dim]default: all, each by itself[/].",
            "--shot", metavar="N",
        ),
        "resample": _flag(float, INPUT_PANEL, "Use this many frames per second.", "--resample"),
        "focal": _flag(
            str, INPUT_PANEL, "Focal length: pixels, 35 mm equivalent, or field of view along the longer side.",
            "--focal", metavar="1200px|28mm|65deg",
        ),
        "height": _flag(
            str, INPUT_PANEL, "The person's height, [dim]default: estimated from the images[/].",
            "--height", metavar="1.82m|182cm|5ft11",
        ),
        "person": _flag(
            str, INPUT_PANEL, "Which person, if there are several, [dim]default: largest[/].",
            "--person", metavar="largest|longest|all|ID", complete=completion.words(("largest", "longest", "all")),
        ),
        "env": _flag(
            str, INPUT_PANEL,
            "Environment for external programs (mediapipe, HMR2.0, VIBE, ViTPose, DROID-SLAM).",
            "--env", metavar="uv|here|PATH|conda:NAME",
        ),
        "scale": _flag(
            str, RECIPE_PANEL,
            "Correct the scale of the camera's path in closed form: distilled, from the speed of the distilled motion; "
            "stance, from feet in contact.",
            "--scale", metavar="|".join(SCALES), complete=completion.words(SCALES),
        ),
        "draws": _flag(
            int, RECIPE_PANEL, "Solve each clip N times (3 or more; 8 is stable) for a 90 % band around the result.",
            "--draws", metavar="N",
        ),
        "plugins": _flag(
            list[str], ROLE_PANEL, "Load a plugin that is not installed, or block one. Repeatable.",
            "--plugin", "-p", metavar="FILE.py|MODULE|no:NAME",
        ),
        "trust": _switch(
            ROLE_PANEL, "Allow the recipe file or run.json to load the plugins and run the programs that it names.",
            "--trust",
        ),
    }  # fmt: skip
    for flag, role in FLAGS.items():
        summary = KINDS[role].summary
        metavar = "NAME[=FILE]" if role in FILE_ROLES else "NAME"
        text, complete = f"{summary[0].upper()}{summary[1:]}.", completion.component(role)
        rows[role] = _flag(str, ROLE_PANEL, text, flag, metavar=metavar, complete=complete)
    return {
        name: inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=False if name == "trust" else None, annotation=annotation
        )
        for name, annotation in rows.items()
    }


def _switch(panel: str, text: str, *names: str) -> Any:
    """The annotation of a boolean flag, off by default."""
    return Annotated[bool, typer.Option(*names, help=text, rich_help_panel=panel)]


def _flag(
    kind: Any, panel: str, text: str, *names: str, metavar: str | None = None, complete: Complete | None = None
) -> Any:
    """The annotation of an optional option."""
    option = typer.Option(*names, metavar=metavar, help=text, rich_help_panel=panel, autocompletion=complete)
    return Annotated[kind | None, option]
