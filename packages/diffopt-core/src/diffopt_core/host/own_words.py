"""Programs run only if the user names them: a recipe file or a run file may not do so by itself. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import DiffOptError
from .recipe_spec import ROLES, Recipe, RoleSpec, role

if TYPE_CHECKING:
    from .registry import Registry

#: Hint at ``--trust``, for every refusal.
TRUST = "--trust to allow everything that the file names"


def check_programs(
    recipe: Recipe,
    own: Mapping[str, Any],
    registry: Registry,
    source: str,
    ways: str = "--set {key}={value}, or " + TRUST,
) -> None:
    """Raise DiffOptError if ``recipe`` names a program, a folder of code or an environment that ``own`` does not.

    ``own``: the settings that the user gave, as a table. ``source``: the file, for the message. ``ways``: how to allow
    it, for the message.
    """
    for key, value, said in _programs(recipe, own, registry):
        if value != said:
            how = ways.format(key=key, value=value)
            raise DiffOptError(
                f"{source}: {key}: a file alone may not name what is run ('{value}'); to allow it: {how}"
            )


def _programs(recipe: Recipe, own: Mapping[str, Any], registry: Registry) -> Iterator[tuple[str, Any, Any]]:
    """Of every option that names something to run: dotted key, value in the recipe, value given by the user."""
    if recipe.input.env is not None:
        yield "input.env", recipe.input.env, own.get("input", {}).get("env")
    parts: list[tuple[str, str, RoleSpec, Any]] = [
        (key, kind, getattr(recipe, key), own.get(key)) for key, kind in ROLES.items()
    ]
    parts += [(f"terms.{name}", "term", spec, own.get("terms", {}).get(name)) for name, spec in recipe.terms.items()]
    if "exporters" not in own:  # a list is replaced as a whole
        parts += [(f"exporters.{n}", "exporter", spec, None) for n, spec in enumerate(recipe.exporters)]
    for key, kind, spec, mine in parts:
        said = {} if mine is None else role(mine, default=spec.name)["options"]
        for option in _runs(registry, kind, spec) & spec.options.keys():
            if spec.options[option] is not None:
                yield f"{key}.{option}", spec.options[option], said.get(option)


def _runs(registry: Registry, kind: str, spec: RoleSpec) -> frozenset[str]:
    """The options of a component that name something to run; for ``auto``, which passes options on, those of every
    component of the kind."""
    if not spec.options or spec.name not in registry.components[kind]:
        return frozenset()
    config = registry.config_class(kind, spec.name)
    if config.model_config.get("extra") != "allow":
        return config.runs
    return frozenset[str]().union(*(registry.config_class(kind, name).runs for name in registry.components[kind]))
