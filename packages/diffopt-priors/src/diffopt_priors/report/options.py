"""Flags that both commands read: ``--set``, and the registry with the user's plugins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diffopt_core.errors import DiffOptError
from diffopt_core.registry import Registry


def registry_of(plugins: Sequence[str] | None, prior: str) -> Registry:
    """Installed plugins and ``-p``; fails early for a prior that nobody offers."""
    registry = Registry.load(plugins or ())
    registry.component("prior", prior)
    return registry


def options_of(registry: Registry, prior: str, settings: Sequence[str] | None) -> dict[str, Any]:
    """Options of a prior from ``weights=open`` or, as ``diffopt run`` has it, ``prior.weights=open``; checked."""
    from diffopt_core.recipe import assign

    for setting in settings or ():
        if "=" not in setting:
            raise DiffOptError(f"--set {setting}: expected KEY=VALUE; `diffopt show prior {prior}` lists the keys")
    keys = [f"prior.{setting.removeprefix('prior.')}" for setting in settings or ()]
    options = dict(assign({"prior": {"name": prior, "options": {}}}, keys)["prior"]["options"])
    registry.config("prior", prior, options)
    return options
