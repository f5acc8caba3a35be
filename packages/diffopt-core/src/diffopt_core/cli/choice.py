"""The flags that choose an experiment, shared by ``run``, ``demo``, ``check`` and ``recipe``.

A flag for every role comes from the kinds table, so that a new role is a row there and nothing here.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import completion
from ..completion import Complete
from ..errors import DiffOptError
from ..plugin import KINDS

if TYPE_CHECKING:
    from ..recipe import Recipe
    from ..registry import Registry

DEFAULT_RECIPE = "paper"
ROLE_PANEL = "Plugins by role"
RECIPE_PANEL = "Experiment"
INPUT_PANEL = "Input"
#: Flags that are keys of the recipe's ``input`` (``frames``: two of them).
INPUT_FLAGS = ("fps", "frames", "resample", "focal", "person", "env")
#: Roles whose components read result files of other systems.
FILE_ROLES = frozenset({"detector", "camera", "initializer"})
#: What ``scale.mode`` of a recipe may be; said here, since the recipe's model is not needed to show the flag.
SCALES = ("none", "distilled", "stance")

#: flag -> kind, in the order of the kinds table.
FLAGS: dict[str, str] = {kind.flag: kind.name for kind in KINDS.values() if kind.flag}


@dataclass(frozen=True)
class Choice:
    """What the flags say. ``recipe`` is None where the user named none."""

    recipe: str | None = None
    roles: tuple[tuple[str, str], ...] = ()  # recipe key, component name
    settings: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    fps: float | None = None
    scale: str | None = None
    draws: int | None = None
    frames: str | None = None
    resample: float | None = None
    focal: str | None = None
    person: str | None = None
    env: str | None = None

    def changes(self) -> list[str]:
        """The flags that change the experiment, as typed: a repeated run takes none of them."""
        flag_of = {role: flag for flag, role in _role_of_flag().items()}
        used = [flag_of[role] for role, _ in self.roles]
        used += [f"--{name}" for name in ("recipe", "scale", "draws", *INPUT_FLAGS) if getattr(self, name) is not None]
        return used + (["--set"] if self.settings else [])

    def registry(self) -> Registry:
        from ..registry import Registry

        return Registry.load(self.plugins)

    def resolve(self, registry: Registry, default: str = DEFAULT_RECIPE) -> Recipe:
        """Defaults < extends < recipe < role flags < ``--set``."""
        from ..recipe import assign, load, merge, parse

        name = self.recipe or default
        patch: dict[str, Any] = {key: _component(value) for key, value in self.roles}
        asked = {key: getattr(self, key) for key in INPUT_FLAGS if key != "frames"}
        patch["input"] = {key: value for key, value in asked.items() if value is not None} | _span(self.frames)
        if self.scale is not None:
            patch["scale"] = {"mode": self.scale}
        if self.draws is not None:
            patch["draws"] = {"count": self.draws}
        table = assign(merge(load(name, registry.recipes), patch), self.settings)
        return parse(table, f"recipe '{name}'")


def _component(value: str) -> str | dict[str, str]:
    """``wham=wham_output.pkl`` is the component ``wham`` with that file, which stands for its option ``file``."""
    name, equals, file = value.partition("=")
    return {"name": name, "file": file} if equals else value


def _span(frames: str | None) -> dict[str, int]:
    """``START:STOP`` as the recipe's ``input.start`` and ``input.stop``; either may be left out."""
    if frames is None:
        return {}
    found = re.fullmatch(r"(\d*):(\d*)", frames)
    if not found:
        raise DiffOptError(f"--frames {frames}: expected START:STOP, e.g. 100:250, 100: or :250")
    return {key: int(text) for key, text in zip(("start", "stop"), found.groups(), strict=True) if text}


def chooses(command: Callable[..., Any], recipe: str = DEFAULT_RECIPE) -> Callable[..., Any]:
    """Give a command that takes ``choice`` the flags of this module in its place. ``recipe``: its help's default."""
    own = inspect.signature(command, eval_str=True)
    flags = _parameters(recipe)

    @functools.wraps(command)
    def wrapper(**values: Any) -> Any:
        taken = {name: values.pop(name) for name in flags}
        return command(choice=_choice(taken), **values)

    kept = [p.replace(kind=p.KEYWORD_ONLY) for p in own.parameters.values() if p.name != "choice"]
    wrapper.__signature__ = inspect.Signature([*kept, *flags.values()])  # type: ignore[attr-defined]
    wrapper.__annotations__ = {p.name: p.annotation for p in (*kept, *flags.values())}
    return wrapper


def _choice(values: dict[str, Any]) -> Choice:
    return Choice(
        recipe=values["recipe"],
        roles=tuple((role, values[role]) for role in _role_of_flag().values() if values[role] is not None),
        settings=tuple(values["settings"] or ()),
        plugins=tuple(values["plugins"] or ()),
        scale=values["scale"],
        draws=values["draws"],
        **{name: values[name] for name in INPUT_FLAGS},
    )


def _role_of_flag() -> dict[str, str]:
    """flag -> key of the recipe."""
    return FLAGS  # a role is called after its kind


def _parameters(recipe: str) -> dict[str, inspect.Parameter]:
    """The flags as keyword parameters, by name."""
    rows: dict[str, Any] = {
        "recipe": _flag(
            str, RECIPE_PANEL, f"Recipe to run, [dim]default: {recipe}[/]; `diffopt recipe` lists them.",
            "--recipe", "-r", metavar="NAME|FILE.toml", complete=completion.recipe(),
        ),
        "settings": _flag(
            list[str], RECIPE_PANEL,
            "Set any key of the recipe, e.g. prior.timesteps='\\[0.02,0.5]'. Repeatable; wins over all else.",
            "--set", metavar="KEY.PATH=VALUE",
        ),
        "fps": _flag(float, INPUT_PANEL, "Frame rate, where the file's is wrong (slow motion).", "--fps"),
        "frames": _flag(str, INPUT_PANEL, "Part of the clip.", "--frames", metavar="START:STOP"),
        "resample": _flag(float, INPUT_PANEL, "Use this many frames a second.", "--resample"),
        "focal": _flag(
            str, INPUT_PANEL, "Focal length: pixels, 35 mm equivalent, or field of view along the longer side.",
            "--focal", metavar="1200px|28mm|65deg",
        ),
        "person": _flag(
            str, INPUT_PANEL, "Whom, where there are several, [dim]default: largest[/].",
            "--person", metavar="largest|longest|ID", complete=completion.words(("largest", "longest")),
        ),
        "env": _flag(
            str, INPUT_PANEL,
            "Environment in which foreign programs run (mediapipe, HMR2.0, VIBE, ViTPose, DROID-SLAM).",
            "--env", metavar="uv|here|PATH|conda:NAME",
        ),
        "scale": _flag(
            str, RECIPE_PANEL, "Correct the scale of the camera's path in closed form, from the distilled motion.",
            "--scale", metavar="|".join(SCALES), complete=completion.words(SCALES),
        ),
        "draws": _flag(
            int, RECIPE_PANEL, "Solve each clip so often (3 or more; 8 is steady) for a 90 % band round the result.",
            "--draws", metavar="N",
        ),
        "plugins": _flag(
            list[str], ROLE_PANEL, "Load a plugin that is not installed, or block one. Repeatable.",
            "--plugin", "-p", metavar="FILE.py|MODULE|no:NAME",
        ),
    }  # fmt: skip
    for flag, role in _role_of_flag().items():
        summary = KINDS[FLAGS[flag]].summary
        metavar = "NAME[=FILE]" if role in FILE_ROLES else "NAME"
        text, complete = f"{summary[0].upper()}{summary[1:]}.", completion.component(FLAGS[flag])
        rows[role] = _flag(str, ROLE_PANEL, text, flag, metavar=metavar, complete=complete)
    return {
        name: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in rows.items()
    }


def _flag(
    kind: Any, panel: str, text: str, *names: str, metavar: str | None = None, complete: Complete | None = None
) -> Any:
    """The annotation of an option that may be left out."""
    option = typer.Option(*names, metavar=metavar, help=text, rich_help_panel=panel, autocompletion=complete)
    return Annotated[kind | None, option]
