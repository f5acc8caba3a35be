"""What a plugin author imports: the component row, the kinds table, the hook markers. Imports nothing heavy.

A plugin is a module named by an entry point of the group ``diffopt``::

    from diffopt_core.plugin import Component, hookimpl

    @hookimpl
    def diffopt_components():
        return [Component("prior", "still", "my_package.still:StillConfig", "penalises all motion")]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

import pluggy

if TYPE_CHECKING:
    import typer

PROJECT = "diffopt"
ENTRY_POINT_GROUP = "diffopt"
#: Raised when a hook or a protocol changes so that a plugin has to be changed, too; and the oldest still served. A
#: plugin says in its module which one it was written for, ``DIFFOPT_API = 1``; one that says nothing is of the first.
API_VERSION, OLDEST_API = 1, 1

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True)
class Kind:
    """A row of the kinds table.

    ``protocol``: the class of :mod:`diffopt_core.interfaces` that its objects are held to. ``flag``: the command-line
    flag of a kind that fills one role of a recipe.
    """

    name: str
    summary: str
    protocol: str
    flag: str | None = None


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("dataset", "reads a file or folder into a clip", "Dataset", "--dataset"),
        Kind("detector", "2D keypoints of the person in each frame", "Detector", "--detector"),
        Kind("camera", "camera trajectory and intrinsics", "CameraSource", "--camera"),
        Kind("initializer", "camera-frame body of each frame", "Initializer", "--init"),
        Kind("body", "joints, keypoints and mesh of a motion", "Body", "--body"),
        Kind("representation", "the variables that stand for the motion", "Representation", "--repr"),
        Kind("prior", "energy of an implausible motion, with weights of its own", "Energy", "--prior"),
        Kind("term", "one term of the energy", "Energy"),
        Kind("executor", "how the step of a block is run", "Executor", "--executor"),
        Kind("exporter", "writes a result to files", "Exporter"),
        Kind("metric", "one named evaluation protocol", "Metric"),
        Kind("viewer", "shows a result", "Viewer"),
        Kind("renderer", "draws posed meshes as an image", "Renderer"),
        Kind("runner", "where the jobs of a grid are done", "Runner"),
    )
}


@dataclass(frozen=True)
class Component:
    """One thing that a plugin offers.

    ``config`` is ``"module:Class"``, a :class:`diffopt_core.config.ComponentConfig`; it is imported only when
    the component is shown or used, so that listing plugins costs nothing. ``sets``: class variables of that config
    which are this component's own, so that many components share one config.

    ``default_for``: what ``auto`` takes for a clip that is images alone (``"video"``), and which initializer where a
    detector gave 2D keypoints and nothing else (``"keypoints"``); one component of a kind can be that.
    ``in_tables``: options of a dataset that lists clips, in a table (``diffopt ablate``) that names none for it.
    """

    kind: str
    name: str
    config: str
    summary: str
    api: int | None = None  # of its own, where it is not the plugin's
    sets: Mapping[str, Any] = field(default_factory=dict, hash=False)
    default_for: Literal["video", "keypoints"] | None = None
    in_tables: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def module(self) -> str:
        """The module that it comes from."""
        address: str = self.sets.get("builds", self.config)
        return address.partition(":")[0]

    @property
    def package(self) -> str:
        """The import package that it comes from."""
        return self.module.partition(".")[0]


def fixed(kind: str, name: str, builds: str, summary: str, **arguments: Any) -> Component:
    """The row of a component without options. ``builds``: ``"module:Class"``, which is called with ``arguments``."""
    sets = {"builds": builds, "arguments": arguments}
    return Component(kind, name, "diffopt_core.config:FixedConfig", summary, sets=sets)


def resolve(address: str) -> Any:
    """What stands at ``"module:attribute"``. Raises ImportError or AttributeError where nothing does."""
    module, _, attribute = address.partition(":")
    return getattr(import_module(module), attribute)


@dataclass(frozen=True)
class WeightFile:
    """A file (or a folder of one model on the Hugging Face hub) that a component needs and that is not shipped.

    ``filename``: its name in the folder of weights (:func:`.common.places.weights_folder`). ``urls``: where it is
    fetched from, tried in turn; ``hub``: id of a hub model instead, whose ``revision`` becomes the folder
    ``filename``; ``registration``: page where one must sign up instead, such a file is never fetched. ``sha256``: of
    the file, of ``model.safetensors`` for a hub model; None where its makers publish none. ``size``: bytes.
    ``licence`` and ``terms`` (a page) are shown before anything is fetched; ``used_by``: components, for people;
    ``then``: what remains to do with it.
    """

    name: str
    summary: str
    filename: str
    licence: str
    terms: str
    urls: tuple[str, ...] = ()
    hub: str | None = None
    revision: str | None = None
    registration: str | None = None
    sha256: str | None = None
    size: int | None = None
    used_by: str = ""
    then: str = ""


#: Groups of commands that several plugins share, with their help.
COMMAND_GROUPS: dict[str, str] = {
    "train": "Train a prior on motion data, or import a published one.",
    "sample": "Draw motions from a prior.",
    "calibrate": "Find the guidance of weights on motion that they do not know.",
}


def command_group(app: typer.Typer, name: str) -> typer.Typer:
    """The group of that name, made by the first plugin that asks for it.

    In a hook of ``diffopt_commands``: ``command_group(app, "train").command("mine")(train)``.
    """
    import typer

    for row in app.registered_groups:
        if row.name == name and row.typer_instance is not None:
            return row.typer_instance
    group = typer.Typer(help=COMMAND_GROUPS.get(name), no_args_is_help=True)
    app.add_typer(group, name=name)
    return group
