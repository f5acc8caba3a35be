"""The Typer application: built-in commands, and commands that plugins add through ``diffopt_commands``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import typer
import typer.main

from ..common.console import note, out
from ..host.registry import Registry
from . import check, demo, flags, new, plugins, prepare, recipe, run, shard, show, simulate, weights
from .flags import Context


@dataclass
class State:
    """Stored in the context of every command: the installed plugins, and errors of plugins' commands."""

    registry: Registry
    failed: dict[str, str] = field(default_factory=dict)  # plugin name -> error


def build() -> tuple[Any, State]:
    """Build the command tree with the commands of all installed plugins."""
    state = State(Registry.load())
    app = typer.Typer(
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    app.callback(invoke_without_command=True)(root)
    for module in (run, demo, shard, prepare, check, simulate, new, show, recipe):
        app.command(module.NAME, rich_help_panel=module.PANEL)(module.command)
    for module in (plugins, weights):
        app.add_typer(module.group, name=module.NAME, rich_help_panel=module.PANEL)
    add_plugin_commands(app, state)
    for plugin in state.registry.plugins:
        if plugin.error:
            note(f"plugin {plugin.name} ({plugin.distribution} {plugin.version}) is in quarantine: {plugin.error}")
    command = typer.main.get_command(app)
    flags.lay_on(command)
    return command, state


def print_version(asked: bool) -> bool:
    if asked:
        from importlib.metadata import version

        typer.echo(f"diffopt {version('diffopt-core')}")
        raise typer.Exit
    return asked


#: Printed by ``diffopt`` without a command.
_FIRST = """\
Global human motion from a video by a moving camera. To begin:

    diffopt demo                            a simulated walk recovered in metres
    diffopt run walk.mp4                    the same with your video
    diffopt view runs/walk                  look at the result in 3D
    diffopt export runs/walk --to glb,bvh   take it to Blender and others

    diffopt --help                          all commands
    diffopt COMMAND --help                  one of them, with an example
"""


def root(
    context: Context,
    version: bool = typer.Option(
        False, "--version", help="Print the version and stop.", is_eager=True, callback=print_version
    ),
) -> None:
    """Global human motion from a moving camera, under a motion diffusion prior.

    Start with [bold]diffopt demo[/]; then [bold]diffopt run walk.mp4[/].
    """
    if context.invoked_subcommand is None:
        out.text(_FIRST)


def add_plugin_commands(app: typer.Typer, state: State) -> None:
    """Call each plugin's hook separately. A plugin whose hook fails, or that uses a taken name, loses only its
    commands."""
    by_name = {plugin.name: plugin for plugin in state.registry.plugins}
    for implementation in state.registry.manager.hook.diffopt_commands.get_hookimpls():
        name = implementation.plugin_name
        before = _rows(app)
        try:
            implementation.function(app)
            _read_signatures(app, before)
            names = _names(app)
            if len(set(names)) < len(names):
                raise ValueError("a command of that name exists already")
        except Exception as error:
            for group, *kept in before:
                group.registered_commands, group.registered_groups, group.registered_callback = kept
            owner = by_name[name]
            state.failed[name] = f"{type(error).__name__}: {error}".splitlines()[0]
            note(
                f"plugin {name} ({owner.distribution} {owner.version}): its commands are left out: {state.failed[name]}"
            )


def _rows(app: typer.Typer) -> list[tuple[typer.Typer, list[Any], list[Any], Any]]:
    """Commands and groups of an application and all its groups; a plugin may add to another plugin's group."""
    own = (app, list(app.registered_commands), list(app.registered_groups), app.registered_callback)
    return [own, *(row for g in app.registered_groups if g.typer_instance for row in _rows(g.typer_instance))]


def _read_signatures(app: typer.Typer, before: list[tuple[typer.Typer, list[Any], list[Any], Any]]) -> None:
    """Build the newly added commands as a separate tree, so that a signature that typer cannot read fails here, where
    its plugin is known. Rebuilding the whole tree for every plugin would dominate the start-up time."""
    apps = {id(group) for group, *_ in before}
    known = {id(info) for _, commands, groups, _ in before for info in (*commands, *groups)}
    probe = typer.Typer(add_completion=False)
    probe.callback()(lambda: None)
    for group, commands, groups, _ in _rows(app):
        if id(group) in apps:
            probe.registered_commands += [info for info in commands if id(info) not in known]
            probe.registered_groups += [info for info in groups if id(info) not in known]
    typer.main.get_command(probe)


def _names(app: typer.Typer, prefix: str = "") -> list[str]:
    """Names of all commands and groups, ``run``, ``train``, ``train mdm``; a name used twice appears twice."""
    found = [c.name or (c.callback.__name__.replace("_", "-") if c.callback else "") for c in app.registered_commands]
    found = [prefix + name for name in found]
    for group in app.registered_groups:
        name = prefix + str(group.name or (group.typer_instance and group.typer_instance.info.name))
        found += [name, *(_names(group.typer_instance, f"{name} ") if group.typer_instance else [])]
    return found
