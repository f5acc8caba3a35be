"""The flags that choose an experiment, shared by ``run``, ``demo``, ``check`` and ``recipe``.

A flag for every role comes from the kinds table, so that a new role is a row there and nothing here.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..plugin import KINDS

if TYPE_CHECKING:
    from ..recipe import Recipe
    from ..registry import Registry

DEFAULT_RECIPE = "paper"
ROLE_PANEL = "Plugins by role"
RECIPE_PANEL = "Experiment"

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

    def changes(self) -> list[str]:
        """The flags that change the experiment, as typed: a repeated run takes none of them."""
        flag_of = {role: flag for flag, role in _role_of_flag().items()}
        used = [flag_of[role] for role, _ in self.roles]
        for flag, value in (("--recipe", self.recipe), ("--fps", self.fps), ("--scale", self.scale)):
            used += [flag] if value is not None else []
        return used + (["--set"] if self.settings else [])

    def registry(self) -> Registry:
        from ..registry import Registry

        return Registry.load(self.plugins)

    def resolve(self, registry: Registry, default: str = DEFAULT_RECIPE) -> Recipe:
        """Defaults < extends < recipe < role flags < ``--set``."""
        from ..recipe import assign, load, merge, parse

        name = self.recipe or default
        patch: dict[str, Any] = dict(self.roles)
        if self.fps is not None:
            patch["input"] = {"fps": self.fps}
        if self.scale is not None:
            patch["scale"] = {"mode": self.scale}
        table = assign(merge(load(name, registry.recipes), patch), self.settings)
        return parse(table, f"recipe '{name}'")


def chooses(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command that takes ``choice`` the flags of this module in its place."""
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
    return Choice(
        recipe=values["recipe"],
        roles=tuple((role, values[role]) for role in _role_of_flag().values() if values[role] is not None),
        settings=tuple(values["settings"] or ()),
        plugins=tuple(values["plugins"] or ()),
        fps=values["fps"],
        scale=values["scale"],
    )


def _role_of_flag() -> dict[str, str]:
    """flag -> key of the recipe."""
    from ..recipe import ROLES

    role_of = {kind: role for role, kind in ROLES.items()}
    return {flag: role_of[kind] for flag, kind in FLAGS.items()}


def _parameters() -> dict[str, inspect.Parameter]:
    """The flags as keyword parameters, by name."""
    from ..recipe import ScaleSpec

    modes = "|".join(ScaleSpec.model_fields["mode"].annotation.__args__)  # type: ignore[union-attr]
    rows: dict[str, Any] = {
        "recipe": Annotated[
            str | None,
            typer.Option(
                "--recipe",
                "-r",
                metavar="NAME|FILE.toml",
                help=f"Recipe to run, [dim]default: {DEFAULT_RECIPE}[/]; `diffopt recipe` lists them.",
                rich_help_panel=RECIPE_PANEL,
            ),
        ],
        "settings": Annotated[
            list[str] | None,
            typer.Option(
                "--set",
                metavar="KEY.PATH=VALUE",
                help="Set any key of the recipe, e.g. prior.timesteps='\\[0.02,0.5]'. Repeatable; wins over all else.",
                rich_help_panel=RECIPE_PANEL,
            ),
        ],
        "fps": Annotated[
            float | None,
            typer.Option("--fps", help="Frame rate, where the file's is wrong.", rich_help_panel=RECIPE_PANEL),
        ],
        "scale": Annotated[
            str | None,
            typer.Option(
                "--scale",
                metavar=modes,
                help="Correct the scale of the camera's path in closed form, from the distilled motion.",
                rich_help_panel=RECIPE_PANEL,
            ),
        ],
        "plugins": Annotated[
            list[str] | None,
            typer.Option(
                "--plugin",
                "-p",
                metavar="FILE.py|MODULE|no:NAME",
                help="Load a plugin that is not installed, or block one. Repeatable.",
                rich_help_panel=ROLE_PANEL,
            ),
        ],
    }
    for flag, role in _role_of_flag().items():
        summary = KINDS[FLAGS[flag]].summary
        option = typer.Option(
            flag, metavar="NAME", help=summary[0].upper() + summary[1:] + ".", rich_help_panel=ROLE_PANEL
        )
        rows[role] = Annotated[str | None, option]
    return {
        name: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in rows.items()
    }
