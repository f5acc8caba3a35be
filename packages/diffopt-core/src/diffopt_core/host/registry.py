"""The registry of plugins, components, recipes and weight files, on top of pluggy.

There is no global registry: ``Registry.load()`` creates one, and tests create their own. The hook specifications come
first; hooks fire at start-up and at most once per stage, never in the step loop.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import inspect
import logging
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

from ..errors import DiffOptError, UnknownName
from ..plugin import (
    API_VERSION,
    ENTRY_POINT_GROUP,
    KINDS,
    OLDEST_API,
    PROJECT,
    Component,
    WeightFile,
    hookspec,
    resolve,
)
from .shipped import is_shipped

if TYPE_CHECKING:
    import torch
    import typer

    from ..config import ComponentConfig
    from ..interfaces import BuildContext


@hookspec
def diffopt_components() -> Iterable[Component]:
    """Components that the plugin offers, of all kinds."""


@hookspec
def diffopt_recipes() -> Mapping[str, Path]:
    """Recipes by name (``table5/raw``) and the TOML file of each."""


@hookspec
def diffopt_weights() -> Iterable[WeightFile]:
    """Files that components of the plugin need and that are not shipped: ``diffopt weights`` lists and fetches them."""


@hookspec
def diffopt_commands(app: typer.Typer) -> None:
    """Add commands to the ``diffopt`` command line. Import heavy modules inside the commands only."""


@hookspec
def diffopt_run_started(run: object) -> None:
    """Called when a run begins; ``run`` is the :class:`diffopt_core.results.run.Run`."""


@hookspec
def diffopt_stage_finished(run: object, stage: str, log: object) -> None:
    """Called after each stage; ``log.of_clip(0)`` maps each term's name to its values by step for the first clip."""


@hookspec
def diffopt_run_finished(run: object, result: object) -> None:
    """Called when a clip's result was written; ``result`` is the :class:`diffopt_core.types.Result`."""


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plugin:
    """A plugin as found. ``error`` is set if it is quarantined: it then offers nothing, and does not stop the
    program."""

    name: str
    distribution: str
    version: str
    error: str | None = None


class Registry:
    """Components by kind and name, recipes by name, and the pluggy manager."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(PROJECT)
        self.manager.add_hookspecs(sys.modules[__name__])
        self.plugins: list[Plugin] = []
        self.components: dict[str, dict[str, Component]] = {kind: {} for kind in KINDS}
        self.owner: dict[tuple[str, str], Plugin] = {}
        self.recipes: dict[str, Path] = {}
        self.weights: dict[str, WeightFile] = {}
        #: The ``-p`` options it was loaded with, which a repeated run needs.
        self.options: tuple[str, ...] = ()

    @classmethod
    def load(cls, options: Iterable[str] = ()) -> Registry:
        """Load all installed plugins and apply the ``-p`` options: ``file.py`` or a module adds one, ``no:NAME`` blocks
        one.

        Raises UnknownName if the plugin to block does not exist, DiffOptError if a ``-p`` plugin fails (the user named
        it, so it is not quarantined).
        """
        registry = cls()
        registry.options = options = tuple(options)
        blocked = {option[3:] for option in options if option.startswith("no:")}
        entries = list(importlib.metadata.entry_points(group=ENTRY_POINT_GROUP))
        for name in sorted(blocked):
            if name not in {entry.name for entry in entries}:
                raise UnknownName("plugin", name, (entry.name for entry in entries))
        for entry in sorted(entries, key=_order):  # ours first, so that other plugins cannot take their names
            if entry.name in blocked:
                continue
            distribution = entry.dist.name if entry.dist else "?"
            version = entry.dist.version if entry.dist else "?"
            registry._admit(entry.name, distribution, version, entry.load)
        admitted = {getattr(module, "__name__", "") for _, module in registry.manager.list_name_plugin()}
        for option in options:
            if not option.startswith("no:") and option not in admitted:
                registry._admit(option, option, "file", lambda option=option: _import(option), strict=True)
        return registry

    def _admit(self, name: str, distribution: str, version: str, load: Any, strict: bool = False) -> None:
        try:
            self.add(load(), Plugin(name, distribution, version))
        except Exception as error:
            if strict:
                what = "" if isinstance(error, DiffOptError) else f"{type(error).__name__}: "
                raise DiffOptError(f"plugin {name}: {what}{error}") from error
            problem = f"{type(error).__name__}: {error}"
            self.plugins.append(Plugin(name, distribution, version, problem.splitlines()[0]))

    def add(self, module: ModuleType | object, plugin: Plugin) -> None:
        """Register a plugin object. If it fails half-way, nothing of it is kept."""
        caller = pluggy.PluginManager(PROJECT)
        caller.add_hookspecs(sys.modules[__name__])
        caller.register(module, plugin.name)
        caller.check_pending()
        rows = [row for rows in caller.hook.diffopt_components() for row in rows]
        recipes = {name: path for table in caller.hook.diffopt_recipes() for name, path in table.items()}
        weights = [file for files in caller.hook.diffopt_weights() for file in files]
        written = getattr(module, "DIFFOPT_API", 1)
        for row in rows:
            self._check(row, written if row.api is None else row.api)
        for name in recipes:
            self._check_free("recipe", name)
        for file in weights:
            self._check_weights(file)
        self.manager.register(module, plugin.name)
        self.plugins.append(plugin)
        for name, path in recipes.items():
            self.recipes[name] = path
            self.owner["recipe", name] = plugin
        if written < API_VERSION:
            log.warning(
                "plugin %s is written for plugin API %s; the current version is %s", plugin.name, written, API_VERSION
            )
        for row in rows:
            self.components[row.kind][row.name] = row
            self.owner[row.kind, row.name] = plugin
        for file in weights:
            self.weights[file.name] = file
            self.owner["weights", file.name] = plugin

    def _check(self, row: Component, api: object) -> None:
        if row.kind not in KINDS:
            raise UnknownName("kind", row.kind, KINDS)
        if not isinstance(api, int) or not OLDEST_API <= api <= API_VERSION:
            served = f"{OLDEST_API} to {API_VERSION}" if OLDEST_API < API_VERSION else f"{API_VERSION}"
            raise DiffOptError(f"{row.kind} '{row.name}' requires plugin API {api}; this diffopt supports {served}")
        self._check_free(row.kind, row.name)

    def _check_free(self, kind: str, name: str) -> None:
        """Raise if the name is taken: the first plugin keeps it, the later one is quarantined."""
        if other := self.owner.get((kind, name)):
            way = f"; -p no:{other.name} blocks that plugin" if other.version != "file" else ""
            raise DiffOptError(f"{kind} '{name}' is already offered by {other.distribution}{way}")

    def _check_weights(self, file: WeightFile) -> None:
        if Path(file.filename).name != file.filename or file.filename.startswith("."):
            raise DiffOptError(f"weights '{file.name}': filename {file.filename} lies outside of the weights folder")
        for other in self.weights.values():
            if other.name == file.name or other.filename == file.filename:
                whose = self.owner["weights", other.name].distribution
                raise DiffOptError(f"weights '{file.name}' ({file.filename}) are already offered by {whose}")

    def weight_file(self, name: str) -> WeightFile:
        """The row of a weight file. Raises UnknownName with the nearest name."""
        if name not in self.weights:
            raise UnknownName("weights", name, self.weights)
        return self.weights[name]

    def component(self, kind: str, name: str) -> Component:
        """The row of a component. Raises UnknownName with the nearest name."""
        if kind not in self.components:
            raise UnknownName("kind", kind, KINDS)
        if name not in self.components[kind]:
            error = UnknownName(kind, name, self.components[kind])
            if broken := [f"{plugin.distribution}: {plugin.error}" for plugin in self.plugins if plugin.error]:
                raise DiffOptError(f"{error} (in quarantine: {', '.join(broken)})")
            raise error
        return self.components[kind][name]

    def source(self, kind: str, name: str) -> str:
        """The distribution (or file) that offers a component; ``?`` for an unknown name."""
        return self.owner[kind, name].distribution if (kind, name) in self.owner else "?"

    def rows(self, plugin: Plugin) -> list[Component]:
        """What a plugin offers."""
        table = self.components.values()
        return [row for rows in table for row in rows.values() if self.owner[row.kind, row.name] is plugin]

    def behind(self, module: str) -> Plugin | None:
        """The plugin that a module belongs to, by its package; None where it is no plugin's."""
        package = module.partition(".")[0]
        for plugin in (each for each in self.plugins if each.error is None):
            own = self.manager.get_plugin(plugin.name)
            name = str(getattr(own, "__name__", type(own).__module__))
            if package in {name.partition(".")[0], *(row.package for row in self.rows(plugin))}:
                return plugin
        return None

    def config_class(self, kind: str, name: str) -> type[ComponentConfig]:
        """Import the config class of a component."""
        row = self.component(kind, name)
        try:
            found: type[ComponentConfig] = resolve(row.config)
        except (ImportError, AttributeError) as error:
            who = self.owner[kind, name].distribution
            raise DiffOptError(f"{kind} '{name}' of {who} cannot be loaded: {error}") from error
        return _with(found, row) if row.sets else found

    def config(self, kind: str, name: str, options: Mapping[str, Any]) -> ComponentConfig:
        """The validated settings of a component. Raises DiffOptError; for an unknown option it names the nearest
        one."""
        from pydantic import ValidationError  # not at the top: listing names does not need it

        cls = self.config_class(kind, name)
        options = {key: value for key, value in options.items() if key not in cls.retired or value != cls.retired[key]}
        for key in options:
            if key in cls.retired:
                raise DiffOptError(
                    f"{kind} '{name}': option '{key}' was removed; its value is always {cls.retired[key]!r}"
                )
            if key not in cls.model_fields and cls.model_config.get("extra") != "allow":
                raise UnknownName(f"option of {kind} '{name}'", key, cls.model_fields)
        try:
            return cls(**options)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise DiffOptError(
                f"{kind} '{name}': {where}: {first['msg'].removeprefix('Value error, ')} (got {first.get('input')!r})"
            ) from error

    def build(self, kind: str, name: str, options: Mapping[str, Any], ctx: Any) -> Any:
        """Build a component. Components call ``ctx.build(kind, name, **options)`` instead."""
        return self.made(kind, name, self.config(kind, name, options), ctx)

    def made(self, kind: str, name: str, config: ComponentConfig, ctx: Any) -> Any:
        """Build a component from its config. Raises DiffOptError if the object does not implement the protocol of its
        kind."""
        from .. import interfaces  # imports torch
        from .contract import answers, named_file

        with answers(self, kind, name, named_file(vars(config))):
            built = config.build(ctx)
        if lacking := _lacking(built, getattr(interfaces, KINDS[kind].protocol)):
            raise DiffOptError(
                f"{kind} '{name}' of {self.owner[kind, name].distribution} built a {type(built).__name__} without "
                f"{' and '.join(lacking)}, which protocol {KINDS[kind].protocol} requires"
            )
        return built

    def context(self, device: torch.device | str = "cpu", seed: int = 0, env: str | None = None) -> BuildContext:
        """A context for building components, ``registry.context().build("body", "anny24")``. Imports torch."""
        import torch

        from ..interfaces import BuildContext

        return BuildContext(torch.device(device), seed, self, env=env)


def _order(entry: Any) -> tuple[bool, bool, str]:
    return (entry.dist is None or not is_shipped(entry.dist.name), entry.name != "core", entry.name)


def _lacking(built: object, protocol: type) -> list[str]:
    """The methods and attributes of a protocol that an object does not have."""
    parts = [part for part in protocol.__mro__ if getattr(part, "_is_protocol", False)]
    names = [name for part in parts for name in (*inspect.get_annotations(part), *vars(part))]
    return [name for name in names if (name == "__call__" or name[0] != "_") and not hasattr(built, name)]


@cache
def _with(config: type[ComponentConfig], row: Component) -> type[ComponentConfig]:
    """The config class with the class variables that the row sets."""
    own = {"__doc__": config.__doc__, "__module__": config.__module__}
    made: type[ComponentConfig] = type(config.__name__, (config,), {**own, **row.sets})
    return made


def _import(source: str) -> ModuleType:
    """Import a plugin from a file path or a module name."""
    path = Path(source)
    if path.is_dir() and not source.isidentifier():
        raise DiffOptError(
            f"is a folder; install the package (pip install -e {source}), or give -p FILE.py or -p MODULE"
        )
    if path.suffix != ".py":
        return importlib.import_module(source)
    if not path.is_file():
        raise DiffOptError("no such file")
    if path.name == "__init__.py":
        package = path.resolve().parent
        raise DiffOptError(
            "a file of a package cannot be loaded by itself; install the package, or put "
            f"{package.parent} on PYTHONPATH and give -p {package.name}"
        )
    name = f"diffopt_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Registered by its stem as well, because its components name their config as "module:Class".
    sys.modules[name] = module
    sys.modules.setdefault(path.stem, module)
    spec.loader.exec_module(module)
    return module
