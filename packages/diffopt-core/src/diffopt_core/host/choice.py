"""The user's choices: a recipe, components by role, settings. The same for command line and Python."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import DiffOptError
from ..plugin import KINDS

if TYPE_CHECKING:
    from .recipe import Recipe
    from .registry import Registry

#: The paper's method.
PAPER = "paper"
#: flag -> role of a recipe (named like its kind), in the order of the table of kinds.
FLAGS: dict[str, str] = {kind.flag: kind.name for kind in KINDS.values() if kind.flag}
#: Keys of the recipe's ``input`` that have a flag (``frames``: two of them).
INPUT_FLAGS = ("fps", "frames", "shot", "resample", "focal", "height", "person", "env")


#: ``--person``: everybody in one world, which takes several runs (:mod:`diffopt_core.cli.people`).
EVERYBODY = "all"


@dataclass(frozen=True)
class Choice:
    """``recipe``: a name, a ``.toml`` file or a resolved recipe; None if the user named none. ``roles``: recipe key ->
    ``NAME`` or ``NAME=FILE``. ``settings``: dotted key -> value."""

    recipe: str | Recipe | None = None
    roles: tuple[tuple[str, str], ...] = ()
    settings: tuple[tuple[str, Any], ...] = ()
    plugins: tuple[str, ...] = ()
    fps: float | None = None
    scale: str | None = None
    draws: int | None = None
    frames: str | None = None
    shot: int | None = None
    resample: float | None = None
    focal: str | None = None
    height: str | None = None
    person: str | None = None
    env: str | None = None
    #: Whether the recipe file may name programs to run.
    trust: bool = False

    def changes(self) -> list[str]:
        """The given flags that change the experiment; a repeated run accepts none of them."""
        flag_of = {role: flag for flag, role in FLAGS.items()}
        used = [flag_of[role] for role, _ in self.roles]
        used += [f"--{name}" for name in ("recipe", "scale", "draws", *INPUT_FLAGS) if getattr(self, name) is not None]
        return used + (["--set"] if self.settings else [])

    def registry(self) -> Registry:
        from .registry import Registry

        return Registry.load(self.plugins)

    def resolve(self, registry: Registry, default: str = PAPER) -> Recipe:
        """The resolved recipe: defaults < extends < recipe < roles < settings. Raises DiffOptError if a recipe file
        names a program that the user does not."""
        from .own_words import check_programs
        from .recipe import lay, load, merge, parse

        if self.person == EVERYBODY:
            raise DiffOptError(f"--person {EVERYBODY}: `diffopt run FILE` alone solves several people; name one here")
        chosen = self.recipe or default
        patch: dict[str, Any] = {key: _component(value) for key, value in self.roles}
        asked = {key: getattr(self, key) for key in INPUT_FLAGS if key != "frames"}
        patch["input"] = {key: value for key, value in asked.items() if value is not None} | _span(self.frames)
        if self.scale is not None:
            patch["scale"] = {"mode": self.scale}
        if self.draws is not None:
            patch["draws"] = {"count": self.draws}
        table = load(chosen, registry.recipes) if isinstance(chosen, str) else chosen.dump()
        source = "recipe" if self.recipe is None or not isinstance(chosen, str) else f"recipe '{chosen}'"
        try:
            recipe = parse(lay(merge(table, patch), self.settings), source)
        except DiffOptError as error:
            keys = {flag: f"input.{flag}" for flag in asked} | {"scale": "scale", "draws": "draws"}
            for flag, key in keys.items():
                value, said = getattr(self, flag), str(error)
                if value is not None and (found := re.match(rf"{re.escape(f'{source}: {key}')}(\.\w+)?: ", said)):
                    raise DiffOptError(f"--{flag} {value}: {said[found.end() :]}") from error
            raise
        if isinstance(chosen, str) and chosen.lower().endswith(".toml") and not self.trust:
            check_programs(recipe, lay(merge({}, patch), self.settings), registry, source)
        return recipe


def _component(value: str) -> str | dict[str, str]:
    """``wham=wham_output.pkl`` is the component ``wham`` with the option ``file`` set."""
    name, equals, file = value.partition("=")
    if equals and not (name.strip() and file.strip()):
        raise DiffOptError(f"'{value}': expected NAME, or NAME=FILE")
    return {"name": name, "file": file} if equals else value


def _span(frames: str | None) -> dict[str, int]:
    """``START:STOP`` as the recipe's ``input.start`` and ``input.stop``; either may be omitted."""
    if frames is None:
        return {}
    found = re.fullmatch(r"(\d*):(\d*)", frames)
    if not found:
        raise DiffOptError(f"--frames {frames}: expected START:STOP, e.g. 100:250, 100: or :250")
    return {key: int(text) for key, text in zip(("start", "stop"), found.groups(), strict=True) if text}
