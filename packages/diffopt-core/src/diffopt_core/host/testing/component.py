"""What holds for every component, whatever its kind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from pydantic import ValidationError

from ...config import ComponentConfig
from ...errors import DiffOptError
from ...interfaces import BuildContext
from ..registry import Registry

#: One interpreter for all components, in which torch cannot be imported: it says what can be loaded without.
_PROBE = """
import sys
sys.modules["torch"] = None
from diffopt_core.host.registry import Registry
registry = Registry.load()
for kind, rows in registry.components.items():
    for name in rows:
        try:
            registry.config_class(kind, name)
        except Exception as error:
            print("failed", kind, name, error)
        else:
            print("loaded", kind, name)
for plugin in registry.plugins:
    if plugin.error:
        print("quarantined", plugin.name, plugin.error)
"""


@cache
def installed() -> Registry:
    """The plugins of this environment, read once."""
    return Registry.load()


@cache
def _load_without_torch() -> tuple[str, ...]:
    done = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, check=True)
    return tuple(done.stdout.splitlines())


class ComponentContract:
    """Set ``kind`` and ``name``; ``options`` are what a recipe would give."""

    kind: ClassVar[str]
    name: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}

    def registry(self) -> Registry:
        return installed()

    def config(self, **options: Any) -> ComponentConfig:
        return self.registry().config(self.kind, self.name, {**self.options, **options})

    def context(self) -> BuildContext:
        """What the component is built with, on the CPU."""
        return self.registry().context()

    def build(self, ctx: BuildContext | None = None) -> Any:
        return self.registry().made(self.kind, self.name, self.config(), ctx or self.context())

    def test_is_listed_with_a_summary(self) -> None:
        row = self.registry().component(self.kind, self.name)
        assert row.summary, f"{self.kind} '{self.name}' has no summary for `diffopt plugins`"

    def test_config_refuses_unknown_options(self) -> None:
        unknown = {"no_such_option_at_all": 1}
        try:
            self.registry().config(self.kind, self.name, unknown)
        except DiffOptError as error:
            assert "no_such_option_at_all" in str(error), f"the error does not name the option: {error}"
        else:
            raise AssertionError("an unknown option was taken")
        try:
            type(self.config())(**unknown)
        except ValidationError:
            return
        raise AssertionError(f"{type(self.config()).__name__} takes unknown keys; keep extra='forbid'")

    def test_config_is_frozen_and_round_trips(self) -> None:
        config = self.config()
        assert type(config).model_config.get("frozen"), f"{type(config).__name__} is not frozen"
        again = type(config).model_validate_json(config.model_dump_json())
        assert again == config, "the options do not survive the JSON that is written beside each result"

    def test_config_does_not_import_torch(self) -> None:
        if self.name not in installed().components[self.kind]:
            return  # registered by the test itself; the interpreter below would not see it
        told = _load_without_torch()
        failures = [line for line in told if not line.startswith("loaded")]
        why = "its plugin or its config's module imports torch; import torch in `build`"
        assert f"loaded {self.kind} {self.name}" in told, f"{why} ({failures})"
